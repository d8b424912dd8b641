use super::*;
use crate::testing::{MACHINE_TIME, samples};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;

const URL: &str = "https://imp.hospital.example";
const AUDIENCE: &str = "https://siem.hospital.example";
const OPENID: &str = "https://sign-on.hospital.example";
const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

struct Keys {
    private: EncodingKey,
    public: DecodingKey,
}

fn keys() -> Keys {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
    Keys {
        private: EncodingKey::from_ec_der(pkcs8.as_ref()),
        public: DecodingKey::from_ec_components(&x, &y).unwrap(),
    }
}

fn set(entry: &Entry) -> Set {
    let trust_domain = "hospital.example".parse().unwrap();
    let origin = "hospital.example/log";
    let issuer = Issuer { url: URL, openid: OPENID, trust_domain: &trust_domain, origin };
    Set::of(entry, &issuer, AUDIENCE, MACHINE_TIME).unwrap()
}

fn sample(name: &str) -> Entry {
    samples().into_iter().find(|entry| entry.record.event.name() == name).unwrap()
}

#[test]
fn every_type_is_signed_and_read_by_its_audience() {
    let keys = keys();
    for entry in samples() {
        let set = set(&entry);
        let token = set.sign(&keys.private, "set-1").unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("secevent+jwt"));
        assert_eq!(header.kid.as_deref(), Some("set-1"));
        let read = Set::verify(&token, &keys.public, URL, AUDIENCE).unwrap();
        assert_eq!(read, set);
        assert_eq!(read.jti, entry.record.id.to_string());
        assert_eq!(read.type_uri(), Some(entry.record.event.type_uri().as_str()));
        assert_eq!(read.log.index, entry.index);
        assert!(read.sub_id.get("format").is_some());
    }
}

#[test]
fn what_is_not_for_this_receiver_is_refused() {
    let (keys, others) = (keys(), keys());
    let token = set(&sample("user-disabled")).sign(&keys.private, "set-1").unwrap();
    Set::verify(&token, &keys.public, URL, AUDIENCE).unwrap();
    for (key, issuer, audience) in [
        (&others.public, URL, AUDIENCE),
        (&keys.public, "https://other.example", AUDIENCE),
        (&keys.public, URL, "https://other.example"),
    ] {
        let refused = Set::verify(&token, key, issuer, audience).unwrap_err();
        assert!(matches!(refused, SetRefused::Token(_)), "{refused:?}");
    }
    let mut changed = token.clone();
    changed.replace_range(token.len() / 2..=token.len() / 2, "_");
    Set::verify(&changed, &keys.public, URL, AUDIENCE).unwrap_err();
    let huge = "a".repeat(LARGEST + 1);
    let refused = Set::verify(&huge, &keys.public, URL, AUDIENCE).unwrap_err();
    assert!(matches!(refused, SetRefused::TooLarge));
}

#[test]
fn another_jwt_is_not_a_set() {
    let keys = keys();
    let header = Header::new(Algorithm::ES256);
    let token = jsonwebtoken::encode(&header, &set(&sample("user-disabled")), &keys.private);
    let refused = Set::verify(&token.unwrap(), &keys.public, URL, AUDIENCE).unwrap_err();
    assert!(matches!(refused, SetRefused::Type), "{refused:?}");
    let mut two = set(&sample("user-disabled"));
    two.events.insert("urn:imp:event:other".to_owned(), json!({}));
    let token = two.sign(&keys.private, "set-1").unwrap();
    let refused = Set::verify(&token, &keys.public, URL, AUDIENCE).unwrap_err();
    assert!(matches!(refused, SetRefused::Events), "{refused:?}");
}

#[test]
fn a_session_is_a_complex_subject_and_a_caep_event() {
    let entry = sample("session-revoked");
    let set = set(&entry);
    let uri = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    let payload = &set.events[uri];
    assert_eq!(payload["event_timestamp"], entry.record.at.as_second());
    assert_eq!(payload["reason"], "tap-out");
    assert_eq!(set.sub_id["format"], "complex");
    assert_eq!(set.sub_id["user"]["format"], "iss_sub");
    assert_eq!(set.sub_id["user"]["iss"], URL);
    let device = set.sub_id["device"]["uri"].as_str().unwrap();
    assert!(device.starts_with("spiffe://hospital.example/workstation/"), "{device}");
    assert_eq!(set.txn.as_deref(), set.sub_id["session"]["id"].as_str());
}

#[test]
fn a_disabled_user_is_a_risc_event() {
    let set = set(&sample("user-disabled"));
    let uri = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
    assert!(set.events.contains_key(uri));
    assert_eq!(set.sub_id["format"], "iss_sub");
}

#[test]
fn what_concerns_nobody_concerns_the_server() {
    assert_eq!(set(&sample("policy-changed")).sub_id, json!({ "format": "uri", "uri": URL }));
    let machine = set(&sample("workstation-revoked")).sub_id;
    assert!(machine["uri"].as_str().unwrap().contains("/workstation/"), "{machine}");
}

#[test]
fn an_application_is_told_of_its_own_session_by_the_names_that_it_knows() {
    let entry = sample("application-session-revoked");
    let set = set(&entry);
    let payload = &set.events[SESSION_REVOKED];
    assert_eq!(set.sub_id["format"], "complex");
    assert_eq!(set.sub_id["session"], json!({ "format": "opaque", "id": "sid-of-the-laboratory" }));
    let user = json!({ "format": "iss_sub", "iss": OPENID, "sub": "sub-of-the-laboratory" });
    assert_eq!(set.sub_id["user"], user);
    assert_eq!(payload["initiating_entity"], "policy", "she walked away: the policy signs her out");
    assert_eq!(payload["reason_admin"]["en"], "The user left her desktop, and it was locked.");
    assert_eq!(payload["event_timestamp"], entry.record.at.as_second());
    // Pairwise applications must not find her again at others (OpenID Connect Core §8.1).
    let text = serde_json::to_string(&set).unwrap();
    let user = entry.record.event.user().unwrap().to_string();
    assert!(!text.contains(&user), "{text}");
    assert!(payload.get("sign_on").is_none() && payload.get("user").is_none(), "{payload}");
}

#[test]
fn the_end_of_a_browsers_sign_on_is_a_caep_event_too() {
    let set = set(&sample("sign-on-ended"));
    let payload = &set.events[SESSION_REVOKED];
    assert_eq!(set.sub_id["session"]["id"], payload["sign_on"]);
    assert_eq!(set.sub_id["user"]["iss"], URL);
    assert!(payload["reason_admin"]["en"].is_string(), "{payload}");
}

#[test]
fn who_made_a_session_end_is_said_as_caep_has_it() {
    let said: std::collections::BTreeSet<_> = samples()
        .iter()
        .filter(|entry| entry.record.event.name() == "session-revoked")
        .map(|entry| {
            let payload = set(entry).events[SESSION_REVOKED].clone();
            (payload["reason"].to_string(), payload["initiating_entity"].to_string())
        })
        .collect();
    assert!(said.contains(&("\"tap-out\"".to_owned(), "\"user\"".to_owned())), "{said:?}");
}
