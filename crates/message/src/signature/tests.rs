use super::*;
use crate::testing::{Sender, now};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use proptest::prelude::*;

const PAYLOAD: &[u8] = b"MSH|^~\\&|LAB";

/// The signature of a header that is changed, with the rest as it is.
fn with_header(text: &str, change: impl FnOnce(&mut serde_json::Value)) -> String {
    let (header, signature) = text.split_once("..").unwrap();
    let json = BASE64URL_NOPAD.decode(header.as_bytes()).unwrap();
    let mut value = serde_json::from_slice(&json).unwrap();
    change(&mut value);
    format!("{}..{signature}", BASE64URL_NOPAD.encode(value.to_string().as_bytes()))
}

#[test]
fn a_signature_says_what_was_signed() {
    let sender = Sender::new(1);
    let mut message = sender.message(7);
    message.subject = Some("POST /fhir/Observation".to_owned());
    message.at = "2026-11-22T08:00:00.123456789Z".parse().unwrap();
    let signature = sender.sign(&message, PAYLOAD);
    message.at = "2026-11-22T08:00:00.123456Z".parse().unwrap();
    assert_eq!(signature.claim(), &message);
    assert_eq!(signature.digest(), Digest::of(&[PAYLOAD]));
    assert_eq!(signature.chain, sender.chain());
}

#[test]
fn another_library_verifies_the_signature() {
    let sender = Sender::new(1);
    let text = sender.sign_text(&sender.message(7), PAYLOAD);
    let (header, signature) = text.split_once("..").unwrap();
    let key = DecodingKey::from_ec_der(&sender.public_key()[26..]);
    let input = [header.as_bytes(), b".", PAYLOAD].concat();
    let verify =
        |input: &[u8]| jsonwebtoken::crypto::verify(signature, input, &key, Algorithm::ES256);
    assert!(verify(&input).unwrap());
    assert!(!verify(&input[..input.len() - 1]).unwrap());
}

#[test]
fn other_kinds_of_signatures_are_refused() {
    let sender = Sender::new(1);
    let text = sender.sign_text(&sender.message(7), PAYLOAD);
    assert!(Signature::read(&text).is_ok());
    let kinds: [fn(&mut serde_json::Value); 5] = [
        |header| header["alg"] = "none".into(),
        |header| header["alg"] = "HS256".into(),
        |header| header["typ"] = "JWT".into(),
        |header| header["b64"] = true.into(),
        |header| header["crit"] = serde_json::json!(["b64", "exp"]),
    ];
    for change in kinds {
        assert_eq!(Signature::read(&with_header(&text, change)), Err(SignatureError::Kind));
    }
    let headers: [fn(&mut serde_json::Value); 8] = [
        |header| header["jwk"] = serde_json::json!({}),
        |header| header["x5c"] = serde_json::json!([]),
        |header| header["x5c"] = serde_json::json!(["AA==", "AA==", "AA==", "AA==", "AA=="]),
        |header| header["iss"] = "spiffe://hospital.example/printer/1".into(),
        |header| header["imp"]["sequence"] = 0.into(),
        |header| header["imp"]["sequence"] = (LARGEST_SEQUENCE + 1).into(),
        |header| header["imp"]["stream"] = "Results".into(),
        |header| header["imp"]["more"] = 1.into(),
    ];
    for change in headers {
        assert_eq!(Signature::read(&with_header(&text, change)), Err(SignatureError::Header));
    }
    let attached = text.replace("..", ".e30.");
    for wrong in ["", "..", "a..b", &attached, &text[..text.len() - 1], &format!("{text}A")] {
        assert_eq!(Signature::read(wrong), Err(SignatureError::Form), "{wrong}");
    }
    let long = "a".repeat(LONGEST + 1);
    assert_eq!(Signature::read(&long), Err(SignatureError::TooLong));
}

#[test]
fn what_cannot_be_described_is_not_signed() {
    let sender = Sender::new(1);
    let never = |_: &[u8]| -> Result<[u8; 64], fmt::Error> { panic!("nothing is signed") };
    let long = "x".repeat(1025);
    let chains = [vec![], vec![vec![0; 40]; 5], vec![vec![0; 20_000]]];
    for chain in &chains {
        let outcome = sign(&sender.message(7), PAYLOAD, chain, never);
        assert!(matches!(outcome, Err(SigningError::Range)));
    }
    let good = sender.message(7);
    for message in [
        Message { sequence: 0, ..good.clone() },
        Message { sequence: LARGEST_SEQUENCE + 1, ..good.clone() },
        Message { content_type: String::new(), ..good.clone() },
        Message { content_type: "text/plain\r\nX: y".to_owned(), ..good.clone() },
        Message { subject: Some(long), ..good.clone() },
    ] {
        let outcome = sign(&message, PAYLOAD, &sender.chain(), never);
        assert!(matches!(outcome, Err(SigningError::Range)), "{message:?}");
    }
    let broken = sign(&good, PAYLOAD, &sender.chain(), |_| Err(fmt::Error));
    assert!(matches!(broken, Err(SigningError::Key(_))));
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "[A-Za-z0-9_.=-]{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Signature::read(&text);
        crate::fuzz::texts(&bytes);
        prop_assert!(now() > Timestamp::UNIX_EPOCH);
    }
}
