//! What holds for statements of every kind.
use std::sync::Arc;

use proptest::prelude::*;

use crate::cose::{Body, StatementError, Unverified, key_id};
use crate::testing::{SoftwareKey, now, sample};
use crate::{
    MatchEvidence, Receipt, ReferenceCredential, Roster, Signer, StorageStatement, TapStatement,
};

fn key() -> Arc<SoftwareKey> {
    SoftwareKey::generate()
}

/// One signed statement of each kind.
fn all(key: &SoftwareKey) -> Vec<Vec<u8>> {
    vec![
        sample::statement().sign(sample::phone(), key).unwrap(),
        sample::evidence().sign(sample::workstation(), key).unwrap(),
        sample::credential().sign(key).unwrap(),
        sample::storage().sign(sample::phone(), key).unwrap(),
        sample::receipt().sign(key).unwrap(),
        sample::roster(3).sign(key).unwrap(),
    ]
}

fn outcome<B: Body>(bytes: &[u8], key: &SoftwareKey) -> Result<B, StatementError> {
    Unverified::<B>::parse(bytes)?.verify(key.public_key())
}

/// What each kind of reader says.
fn outcomes(bytes: &[u8], key: &SoftwareKey) -> [Result<(), StatementError>; 6] {
    [
        outcome::<TapStatement>(bytes, key).map(drop),
        outcome::<MatchEvidence>(bytes, key).map(drop),
        outcome::<ReferenceCredential>(bytes, key).map(drop),
        outcome::<StorageStatement>(bytes, key).map(drop),
        outcome::<Receipt>(bytes, key).map(drop),
        outcome::<Roster>(bytes, key).map(drop),
    ]
}

#[test]
fn a_statement_says_what_was_signed() {
    let key = key();
    let signed = all(&key);
    assert_eq!(outcome(&signed[0], &key), Ok(sample::statement()));
    assert_eq!(outcome(&signed[1], &key), Ok(sample::evidence()));
    assert_eq!(outcome(&signed[2], &key), Ok(sample::credential()));
    assert_eq!(outcome(&signed[3], &key), Ok(sample::storage()));
    assert_eq!(outcome(&signed[4], &key), Ok(sample::receipt()));
    assert_eq!(outcome(&signed[5], &key), Ok(sample::roster(3)));
    let statement = Unverified::<TapStatement>::parse(&signed[0]).unwrap();
    assert_eq!(statement.phone(), sample::phone());
    let evidence = Unverified::<MatchEvidence>::parse(&signed[1]).unwrap();
    assert_eq!(evidence.workstation(), sample::workstation());
}

#[test]
fn a_statement_of_one_kind_is_never_one_of_another() {
    let key = key();
    for (kind, bytes) in all(&key).iter().enumerate() {
        for (reader, outcome) in outcomes(bytes, &key).into_iter().enumerate() {
            let expected = if kind == reader { Ok(()) } else { Err(StatementError::WrongKind) };
            assert_eq!(outcome, expected, "kind {kind}, reader {reader}");
        }
    }
}

#[test]
fn any_changed_bit_is_noticed() {
    let key = key();
    for (kind, bytes) in all(&key).into_iter().enumerate() {
        for place in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[place] ^= 1 << (place % 8);
            assert!(outcomes(&bytes, &key)[kind].is_err(), "kind {kind}, byte {place}");
            assert!(outcomes(&bytes[..place], &key)[kind].is_err(), "kind {kind}, cut at {place}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(outcomes(&longer, &key)[kind], Err(StatementError::Malformed));
    }
}

#[test]
fn the_key_must_be_the_one_that_signed() {
    let (key, other) = (key(), key());
    let bytes = sample::credential().sign(&*key).unwrap();
    let parsed = || Unverified::<ReferenceCredential>::parse(&bytes).unwrap();
    assert_eq!(parsed().key_id(), key_id(key.public_key()));
    assert_eq!(parsed().verify(other.public_key()), Err(StatementError::Signature));
    assert_eq!(parsed().verify(b"not a key"), Err(StatementError::Signature));
    assert_eq!(parsed().verify_by_server(&[other.public_key()]), Err(StatementError::UnknownKey));
    let both = [other.public_key(), key.public_key()];
    assert_eq!(parsed().verify_by_server(&both), Ok(sample::credential()));
}

/// A correctly signed `COSE_Sign1` with headers and a body of the caller's choice.
fn forged(
    protected: coset::Header,
    unprotected: coset::Header,
    body: Vec<u8>,
    key: &SoftwareKey,
) -> Vec<u8> {
    use coset::TaggedCborSerializable as _;
    coset::CoseSign1Builder::new()
        .protected(protected)
        .unprotected(unprotected)
        .payload(body)
        .create_signature(StorageStatement::CONTENT_TYPE.as_bytes(), |message| {
            key.sign(message).unwrap().to_vec()
        })
        .build()
        .to_tagged_vec()
        .unwrap()
}

fn headers() -> coset::HeaderBuilder {
    coset::HeaderBuilder::new()
        .algorithm(coset::iana::Algorithm::ES256)
        .content_type(StorageStatement::CONTENT_TYPE.to_owned())
        .key_id(sample::phone().into_bytes().to_vec())
}

#[test]
fn other_headers_are_refused_even_with_a_good_signature() {
    let key = key();
    let body = || minicbor::to_vec(sample::storage()).unwrap();
    let none = coset::Header::default;
    let read = |bytes: &[u8]| outcome::<StorageStatement>(bytes, &key);
    assert!(read(&forged(headers().build(), none(), body(), &key)).is_ok());
    let critical =
        headers().add_critical_label(coset::RegisteredLabelWithPrivate::Text("x".to_owned()));
    let critical = critical.text_value("x".to_owned(), coset::cbor::Value::Null);
    let algorithm = headers().algorithm(coset::iana::Algorithm::ES384);
    for (header, case) in
        [(critical, "critical"), (algorithm, "algorithm"), (headers().iv(vec![1]), "iv")]
    {
        let bytes = forged(header.build(), none(), body(), &key);
        assert_eq!(read(&bytes), Err(StatementError::Malformed), "{case}");
    }
    let unprotected = coset::HeaderBuilder::new().key_id(vec![1]).build();
    let bytes = forged(headers().build(), unprotected, body(), &key);
    assert_eq!(read(&bytes), Err(StatementError::Malformed));
}

#[test]
fn a_body_has_one_encoding() {
    let key = key();
    let good = minicbor::to_vec(sample::storage()).unwrap();
    assert_eq!(good[0], 0xa3);
    let read = |body: Vec<u8>| {
        let bytes = forged(headers().build(), coset::Header::default(), body, &key);
        outcome::<StorageStatement>(&bytes, &key)
    };
    assert!(read(good.clone()).is_ok());
    let unknown_key = [&[0xa4], &good[1..], &[3, 0xf6]].concat();
    let duplicate = [&[0xa4], &good[1..19], &good[1..]].concat();
    let indefinite = [&[0xbf], &good[1..], &[0xff]].concat();
    let long_key = [&[0xa3, 0x18, 0], &good[2..]].concat();
    let trailing = [good.as_slice(), &[0]].concat();
    let missing = [&[0xa2], &good[1..good.len() - 10]].concat();
    let empty = vec![];
    for body in [unknown_key, duplicate, indefinite, long_key, trailing, missing, empty] {
        assert_eq!(read(body.clone()), Err(StatementError::Body), "{body:02x?}");
    }
}

#[test]
fn what_does_not_fit_is_not_signed() {
    let key = key();
    for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut evidence = sample::evidence();
        evidence.comparison.similarity = number;
        assert!(evidence.sign(sample::workstation(), &*key).is_err());
        let mut evidence = sample::evidence();
        evidence.attack.threshold = number;
        assert!(evidence.sign(sample::workstation(), &*key).is_err());
    }
    let mut evidence = sample::evidence();
    evidence.steps = vec![evidence.steps[0].clone(); 65];
    assert!(evidence.sign(sample::workstation(), &*key).is_err());
    for text in ["x".repeat(513), "line\nline".to_owned()] {
        let receipt = Receipt { workstation_label: text, ..sample::receipt() };
        assert!(receipt.sign(&*key).is_err());
    }
}

/// A receipt whose record, proof and checkpoint are as long as they may be, or longer by this.
fn large(more: [usize; 3]) -> Receipt {
    use crate::receipt::{CHECKPOINT_LIMIT, PROOF_LIMIT, RECORD_LIMIT};
    Receipt {
        record: "r".repeat(RECORD_LIMIT + more[0]),
        proof: vec![[7; 32]; PROOF_LIMIT + more[1]],
        checkpoint: "c\n".repeat(CHECKPOINT_LIMIT / 2) + &"c".repeat(more[2]),
        workstation_label: "w".repeat(512),
        kind: "k".repeat(512),
        ..sample::receipt()
    }
}

#[test]
fn the_largest_receipt_fits_a_message_and_a_larger_one_is_not_signed() {
    let key = key();
    let bytes = large([0; 3]).sign(&*key).unwrap();
    assert!(bytes.len() <= crate::receipt::LIMIT, "{} bytes", bytes.len());
    assert_eq!(outcome(&bytes, &key), Ok(large([0; 3])));
    let delivery = crate::ReceiptDelivery { receipt: bytes };
    assert!(crate::Message::Receipt(delivery).encode().is_ok());
    for more in [[1, 0, 0], [0, 1, 0], [0, 0, 1]] {
        assert!(large(more).sign(&*key).is_err(), "{more:?}");
        assert!(minicbor::to_vec(large(more)).is_err(), "{more:?}");
    }
    let too_many = vec![0; crate::receipt::LIMIT + 1];
    assert_eq!(outcome::<Receipt>(&too_many, &key), Err(StatementError::TooLong));
}

#[test]
fn a_receipt_is_read_within_its_bounds() {
    // A body that claims more hashes than a proof has, or more than there are bytes.
    let good = minicbor::to_vec(sample::receipt()).unwrap();
    let hashes = good.windows(3).position(|w| w == [0x0b, 0x98, 0x1a]).unwrap();
    for count in [65_u8, 255] {
        let mut body = good[..=hashes].to_vec();
        body.extend([0x98, count]);
        body.extend(
            std::iter::repeat_n([&[0x58, 0x20][..], &[1; 32]].concat(), count.into()).flatten(),
        );
        body.extend(&good[hashes + 3 + 26 * 34..]);
        assert_eq!(crate::wire::decode::<Receipt>(&body), None, "{count} hashes");
    }
    let endless =
        [&good[..=hashes], &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat();
    assert_eq!(crate::wire::decode::<Receipt>(&endless), None);
}

#[test]
fn a_roster_has_room_for_a_hospital() {
    let key = key();
    let roster = sample::roster(12_000);
    let bytes = roster.sign(&*key).unwrap();
    println!("a roster of 12,000: {} bytes", bytes.len());
    let read = Unverified::<Roster>::parse(&bytes).unwrap();
    let read = read.verify_by_server(&[key.public_key()]).unwrap();
    assert_eq!(read.entries.len(), 12_000);
    assert!(read == roster && read.is_current(now()) && !read.is_current(read.expires_at));
    assert_eq!(read.entry(read.entries[77].phone), Some(&read.entries[77]));
    let long = vec![0; crate::roster::LIMIT + 1];
    assert_eq!(Unverified::<Roster>::parse(&long).err(), Some(StatementError::TooLong));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn evidence_is_read_as_it_was_written(
        challenge: [u8; 32], similarity in -1.0_f32..1.0, score in 0.0_f32..1.0, mask: bool,
        frames: u16, micros in proptest::collection::vec(any::<u64>(), 0..64), model in "[ -~]{0,40}",
    ) {
        let mut evidence = sample::evidence();
        evidence.challenge = challenge;
        evidence.comparison.similarity = similarity;
        evidence.attack.score = score;
        evidence.mask = mask;
        evidence.frames = frames;
        evidence.model_set = model;
        evidence.steps = micros.into_iter().map(|micros| imp_identity::tap::Step { name: "s".to_owned(), micros }).collect();
        let bytes = minicbor::to_vec(&evidence).unwrap();
        prop_assert_eq!(crate::wire::decode::<MatchEvidence>(&bytes), Some(evidence));
    }

    #[test]
    fn a_receipt_is_read_as_it_was_written(
        index: u64, record in "\\PC{0,400}", salt: [u8; 32], checkpoint in "[ -~\n\u{2014}]{0,300}",
        proof in proptest::collection::vec(any::<[u8; 32]>(), 0..=64), user: Option<[u8; 16]>,
    ) {
        let user = user.map(imp_identity::UserId::from_bytes);
        let receipt = Receipt { index, user, record, salt, proof, checkpoint, ..sample::receipt() };
        let bytes = minicbor::to_vec(&receipt).unwrap();
        prop_assert_eq!(crate::wire::decode::<Receipt>(&bytes), Some(receipt));
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        crate::fuzz::messages(&bytes);
        crate::fuzz::statements(&bytes);
        crate::fuzz::channel(&bytes);
    }
}
