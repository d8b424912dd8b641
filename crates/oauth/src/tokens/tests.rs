use imp_identity::authentication::Authentication;

use super::*;
use crate::keys::StoredKey;

const ISSUER: &str = "https://imp.example";

fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

fn keys() -> KeySet {
    let stored = |algorithm| StoredKey {
        algorithm,
        active_at: now(),
        pkcs8: SigningKey::generate(algorithm).unwrap(),
    };
    KeySet::new(vec![stored(Algorithm::Es256), stored(Algorithm::EdDsa)]).unwrap()
}

fn client() -> ClientId {
    ClientId::from(uuid::Uuid::from_u128(1))
}

fn access() -> AccessClaims {
    AccessClaims {
        iss: ISSUER.to_owned(),
        sub: "alice".to_owned(),
        aud: ISSUER.to_owned().into(),
        client_id: client(),
        scope: "openid".parse().unwrap(),
        iat: now().as_second(),
        exp: now().as_second() + 300,
        jti: "1".to_owned(),
        authentication: AuthenticationClaims::of(&Authentication::tap(now()), &[]),
        cnf: Some(Confirmation { jkt: None, x5t_s256: Some("x".to_owned()) }),
        act: None,
        grant: Some(GrantId::from(uuid::Uuid::from_u128(2))),
    }
}

fn id() -> IdClaims {
    IdClaims {
        iss: ISSUER.to_owned(),
        sub: "alice".to_owned(),
        aud: client().to_string().into(),
        iat: now().as_second(),
        exp: now().as_second() + 300,
        azp: Some(client().to_string()),
        nonce: Some("n".to_owned()),
        authentication: AuthenticationClaims::of(&Authentication::tap(now()), &["phrh".to_owned()]),
        at_hash: None,
        sid: Some("morning".to_owned()),
        more: Map::from_iter([("name".to_owned(), json!("Alice"))]),
    }
}

#[test]
fn access_tokens_are_read_back_until_they_expire() {
    let keys = keys();
    for algorithm in Algorithm::SIGNING {
        let token = issue_access(keys.signing(*algorithm, now()).unwrap(), &access()).unwrap();
        assert_eq!(verify_access(&token, &keys, ISSUER, now()), Ok(access()));
        let end = now() + SignedDuration::from_secs(300);
        assert_eq!(verify_access(&token, &keys, ISSUER, end), Err(TokenError::Expired));
        assert_eq!(
            verify_access(&token, &keys, "https://other.example", now()),
            Err(TokenError::Issuer)
        );
        assert_eq!(
            verify_access(&token, &self::keys(), ISSUER, now()),
            Err(TokenError::UnknownKey)
        );
    }
}

#[test]
fn claims_have_their_names() {
    let claims = serde_json::to_value(access()).unwrap();
    assert_eq!(claims["acr"], crate::acr::AAL2);
    assert_eq!(claims["amr"], json!(["face", "hwk", "mfa"]));
    assert_eq!(claims["cnf"], json!({"x5t#S256": "x"}));
    assert_eq!(claims["client_id"], client().to_string());
    let claims = serde_json::to_value(id()).unwrap();
    assert_eq!((claims["acr"].as_str(), claims["name"].as_str()), (Some("phrh"), Some("Alice")));
    assert_eq!(serde_json::from_value::<IdClaims>(claims).unwrap(), id());
}

#[test]
fn a_token_of_one_type_is_none_of_another() {
    let keys = keys();
    let key = keys.signing(Algorithm::Es256, now()).unwrap();
    let id = issue_id(key, &id()).unwrap();
    let access = issue_access(key, &access()).unwrap();
    assert_eq!(verify_access(&id, &keys, ISSUER, now()), Err(TokenError::Type));
    assert_eq!(verify_hint(&access, &keys, ISSUER), Err(TokenError::Type));
    assert_eq!(verify_hint(&id, &keys, ISSUER).unwrap().nonce.as_deref(), Some("n"));
}

#[test]
fn a_logout_token_has_an_event_and_no_nonce() {
    let keys = keys();
    let key = keys.signing(Algorithm::Es256, now()).unwrap();
    let logout = Logout {
        issuer: ISSUER.to_owned(),
        client: client(),
        subject: "alice".to_owned(),
        session: Some("morning".to_owned()),
        jti: "1".to_owned(),
    };
    let token = issue_logout(key, &logout, now()).unwrap();
    let token = Compact::parse(&token).unwrap();
    assert_eq!(token.header.typ.as_deref(), Some("logout+jwt"));
    let claims: Value = token.verify(key.public()).unwrap();
    assert_eq!(claims["events"], json!({"http://schemas.openid.net/event/backchannel-logout": {}}));
    assert_eq!(claims["sid"], "morning");
    assert!(claims.get("nonce").is_none());
}

#[test]
fn the_hash_of_openid_connect_core_appendix_a_holds() {
    // A.3: the access token and at_hash of the response "id_token token".
    let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    assert_eq!(at_hash(token, Algorithm::Rs256), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(at_hash(token, Algorithm::EdDsa).len(), 43);
}

proptest::proptest! {
    #[test]
    fn any_text_is_no_token(text: String) {
        assert!(verify_access(&text, &KeySet::default(), ISSUER, Timestamp::UNIX_EPOCH).is_err());
    }
}
