use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use super::*;

fn request<'a>(pin: Option<&'a Secret<String>>, rp_id: &'a str) -> AssertionRequest<'a> {
    AssertionRequest { rp_id, client_data_hash: &[3; 32], pin, touch: None }
}

fn pin(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

#[test]
fn a_key_signs_for_whoever_knows_its_pin_by_both_protocols() {
    for newer in [false, true] {
        let key = EmulatedKey::registered("imp.example", b"ada", "4711", newer);
        let right = pin("4711");
        let assertion = key.assert(&request(Some(&right), "imp.example")).unwrap();
        let (credential, public_key) = key.credential();
        assert_eq!((&assertion.credential, assertion.user.as_slice()), (&credential, &b"ada"[..]));
        assert_eq!(assertion.authenticator_data[32], 0x05, "present and verified");
        let signed = [assertion.authenticator_data.as_slice(), &[3; 32]].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public_key)
            .verify(&signed, &assertion.signature)
            .unwrap();
    }
}

#[test]
fn without_the_right_pin_a_key_signs_nothing_and_blocks_itself() {
    for newer in [false, true] {
        let key = EmulatedKey::registered("imp.example", b"ada", "4711", newer);
        let (right, wrong) = (pin("4711"), pin("0000"));
        let none = key.assert(&request(None, "imp.example"));
        assert!(matches!(none, Err(SecurityKeyError::PinRequired)));
        for expected in ["PinWrong", "PinWrong", "Blocked", "Blocked"] {
            let refused = key.assert(&request(Some(&wrong), "imp.example")).unwrap_err();
            assert_eq!(format!("{refused:?}"), expected);
        }
        let blocked = key.assert(&request(Some(&right), "imp.example"));
        assert!(matches!(blocked, Err(SecurityKeyError::Blocked)), "the right one is too late");
        key.plug(false);
        let gone = key.assert(&request(Some(&right), "imp.example"));
        assert!(matches!(gone, Err(SecurityKeyError::NoKey)));
        key.plug(true);
        key.assert(&request(Some(&right), "imp.example")).unwrap();
    }
}

#[test]
fn a_touch_suffices_for_a_credential_that_is_named_and_verifies_nobody() {
    let key = EmulatedKey::registered("imp.example", b"ada", "4711", true);
    let (credential, public_key) = key.credential();
    let touch = |named: &[Vec<u8>]| {
        key.assert(&AssertionRequest { touch: Some(named), ..request(None, "imp.example") })
    };
    // Ten keys are too many for one question.
    let mut named = vec![vec![1; 32]; 9];
    named.push(credential.clone());
    for named in [named, vec![credential.clone()]] {
        let assertion = touch(&named).unwrap();
        assert_eq!(assertion.credential, credential);
        assert_eq!(assertion.authenticator_data[32], 0x01, "present, and not verified");
        let signed = [assertion.authenticator_data.as_slice(), &[3; 32]].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &public_key)
            .verify(&signed, &assertion.signature)
            .unwrap();
    }
    for named in [vec![], vec![vec![1; 32]]] {
        assert!(matches!(touch(&named), Err(SecurityKeyError::TouchRefused)));
    }
}

#[test]
fn a_key_knows_nobody_at_another_hospital() {
    for newer in [false, true] {
        let key = EmulatedKey::registered("imp.example", b"ada", "4711", newer);
        let right = pin("4711");
        assert!(key.assert(&request(Some(&right), "evil.example")).is_err());
    }
}
