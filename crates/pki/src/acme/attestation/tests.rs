use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jiff::{SignedDuration, ToSpan as _};
use minicbor::Encoder;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, PublicKeyData as _,
};

use super::super::testing::NOW;
use super::*;
use crate::der::tlv;

/// A TPM of software: an authority, a certified attestation key, and a key that it attests.
struct Tpm {
    root: Vec<u8>,
    ak: KeyPair,
    certificate: Vec<u8>,
    key: KeyPair,
}

fn permanent(serial: &str) -> Vec<u8> {
    let sequence = tlv(0x30, &tlv(0x0c, serial.as_bytes()));
    let oid = tlv(0x06, &[0x2b, 6, 1, 5, 5, 7, 8, 3]);
    tlv(0x30, &tlv(0xa0, &[oid, tlv(0xa0, &sequence)].concat()))
}

fn dated(params: &mut CertificateParams) {
    let second = |at: Timestamp| {
        let seconds = u64::try_from(at.as_second()).unwrap();
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds)
    };
    params.not_before = second(NOW - 1.hour());
    params.not_after = second(NOW + SignedDuration::from_hours(24));
}

impl Tpm {
    fn new(serial: &str) -> Self {
        Self::certified(serial, vec![ExtendedKeyUsagePurpose::Other(vec![2, 23, 133, 8, 3])])
    }

    fn certified(serial: &str, usages: Vec<ExtendedKeyUsagePurpose>) -> Self {
        let root_key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        dated(&mut root);
        let certificate = root.self_signed(&root_key).unwrap().der().to_vec();
        let issuer = Issuer::new(root, root_key);
        let ak = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        dated(&mut params);
        params.extended_key_usages = usages;
        let names = CustomExtension::from_oid_content(&[2, 5, 29, 17], permanent(serial));
        params.custom_extensions = vec![names];
        let leaf = params.signed_by(&ak, &issuer).unwrap().der().to_vec();
        Self { root: certificate, ak, certificate: leaf, key: KeyPair::generate().unwrap() }
    }

    fn public_area(&self, attributes: u32) -> Vec<u8> {
        let point = self.key.der_bytes();
        let mut area = vec![0x00, 0x23, 0x00, 0x0b];
        area.extend_from_slice(&attributes.to_be_bytes());
        // No policy, symmetric algorithm null, scheme null, P-256, no derivation of keys.
        area.extend_from_slice(&[0, 0, 0, 0x10, 0, 0x10, 0, 3, 0, 0x10]);
        for coordinate in [&point[1..33], &point[33..]] {
            area.extend_from_slice(&[0, 32]);
            area.extend_from_slice(coordinate);
        }
        area
    }

    fn statement(public_area: &[u8], challenge: &[u8]) -> Vec<u8> {
        let sized =
            |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
        let mut statement = vec![0xff, 0x54, 0x43, 0x47, 0x80, 0x17];
        statement.extend(sized(b"signer"));
        statement.extend(sized(challenge));
        statement.extend([0; 25]);
        statement.extend(sized(&tpm::name(public_area)));
        statement.extend(sized(b"qualified"));
        statement
    }

    fn sign(&self, statement: &[u8]) -> Vec<u8> {
        let pkcs8 = self.ak.serialize_der();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
        let signature = pair.sign(&SystemRandom::new(), statement).unwrap();
        let (r, s) = signature.as_ref().split_at(32);
        [&[0, 0x18, 0, 0x0b, 0, 32], r, &[0, 32], s].concat()
    }

    /// An attestation of the key, for this challenge.
    fn attest(&self, digest: &Digest) -> Attestation {
        let public_area = self.public_area(0x0004_0072);
        let statement = Self::statement(&public_area, digest.as_bytes());
        let signature = self.sign(&statement);
        Attestation { chain: vec![self.certificate.clone()], signature, statement, public_area }
    }

    fn roots(&self) -> Vec<Vec<u8>> {
        vec![self.root.clone()]
    }
}

/// As clients send it.
fn payload(format: &str, attestation: &Attestation) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.map(3).unwrap().str("fmt").unwrap().str(format).unwrap();
    encoder.str("authData").unwrap().bytes(b"").unwrap().str("attStmt").unwrap();
    encoder.map(6).unwrap().str("ver").unwrap().str("2.0").unwrap();
    encoder.str("alg").unwrap().i32(-7).unwrap().str("x5c").unwrap().array(1).unwrap();
    encoder.bytes(&attestation.chain[0]).unwrap();
    encoder.str("sig").unwrap().bytes(&attestation.signature).unwrap();
    encoder.str("certInfo").unwrap().bytes(&attestation.statement).unwrap();
    encoder.str("pubArea").unwrap().bytes(&attestation.public_area).unwrap();
    let object = BASE64URL_NOPAD.encode(&encoder.into_writer());
    serde_json::json!({ "attObj": object }).to_string().into_bytes()
}

fn serial(text: &str) -> Identifier {
    Identifier::parse("permanent-identifier", text).unwrap()
}

#[test]
fn a_key_in_a_trusted_tpm_is_attested() {
    let (tpm, digest) = (Tpm::new("SN-1"), Digest::of(&[b"key authorization"]));
    let sent = Attestation::parse(&payload("tpm", &tpm.attest(&digest))).unwrap();
    let attested = sent.verify(&serial("SN-1"), &digest, &tpm.roots(), NOW).unwrap();
    assert_eq!(attested.key, tpm.key.subject_public_key_info());
    assert_eq!(attested.identifiers, [serial("SN-1")]);
}

#[test]
fn every_other_attestation_is_refused() {
    let (tpm, digest) = (Tpm::new("SN-1"), Digest::of(&[b"mine"]));
    let good = tpm.attest(&digest);
    let check = |attestation: &Attestation| {
        attestation.verify(&serial("SN-1"), &digest, &tpm.roots(), NOW).unwrap_err()
    };
    let other = good.verify(&serial("SN-2"), &digest, &tpm.roots(), NOW);
    assert_eq!(other, Err(AttestationError::OtherDevice));
    let untrusted = good.verify(&serial("SN-1"), &digest, &Tpm::new("SN-1").roots(), NOW);
    assert_eq!(untrusted, Err(AttestationError::Certificate));
    let expired = good.verify(&serial("SN-1"), &digest, &tpm.roots(), NOW + 48.hours());
    assert_eq!(expired, Err(AttestationError::Certificate));
    let nobody = good.verify(&serial("SN-1"), &digest, &[], NOW);
    assert_eq!(nobody, Err(AttestationError::NoRoots));

    assert_eq!(check(&tpm.attest(&Digest::of(&[b"yours"]))), AttestationError::OtherChallenge);
    let mut changed = good.clone();
    *changed.statement.last_mut().unwrap() ^= 1;
    assert_eq!(check(&changed), AttestationError::Signature);
    let thief = Tpm::new("SN-1");
    let swapped = Attestation { public_area: thief.public_area(0x0004_0072), ..good.clone() };
    assert_eq!(check(&swapped), AttestationError::OtherKey);
    let exportable = Attestation { public_area: tpm.public_area(0x0004_0040), ..good.clone() };
    assert_eq!(check(&exportable), AttestationError::Exportable);
    let restricted = Attestation { public_area: tpm.public_area(0x0005_0072), ..good.clone() };
    assert_eq!(check(&restricted), AttestationError::Exportable);
    let made_up = Attestation { statement: b"\0\0\0\0\x80\x17".to_vec(), ..good.clone() };
    assert!(matches!(check(&made_up), AttestationError::Structure(_)));
    for length in 0..good.statement.len() {
        let cut = Attestation { statement: good.statement[..length].to_vec(), ..good.clone() };
        assert!(matches!(check(&cut), AttestationError::Structure(_)), "{length}");
    }
}

#[test]
fn a_certificate_for_something_else_attests_nothing() {
    let digest = Digest::of(&[b"mine"]);
    for usages in [vec![], vec![ExtendedKeyUsagePurpose::ClientAuth]] {
        let tpm = Tpm::certified("SN-1", usages);
        let refused = tpm.attest(&digest).verify(&serial("SN-1"), &digest, &tpm.roots(), NOW);
        assert_eq!(refused, Err(AttestationError::Certificate));
    }
}

#[test]
fn other_formats_and_garbage_are_refused() {
    let attestation = Tpm::new("SN-1").attest(&Digest::of(&[b""]));
    let apple = Attestation::parse(&payload("apple", &attestation));
    assert_eq!(apple, Err(AttestationError::Format("apple".to_owned())));
    for garbage in [&b""[..], b"{}", br#"{"attObj":"!"}"#, br#"{"attObj":"oA"}"#] {
        assert_eq!(Attestation::parse(garbage), Err(AttestationError::Malformed));
    }
}

proptest::proptest! {
    #[test]
    fn any_object_is_read_or_refused(bytes: Vec<u8>) {
        let _read_or_refused = object_of(&bytes);
        let _read_or_refused = tpm::public_key(&bytes);
        let _read_or_refused = tpm::Statement::parse(&bytes);
    }
}
