//! Keys: `DPoP`, certificates, assertions.
use axum::http::StatusCode;
use imp_oauth::dpop::ath;
use imp_oauth::jose::SigningKey;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::house::{Answer, BACK, House, Registered, VERIFIER, key};
use crate::store::Tables as _;

/// A proof about a request.
#[derive(Clone, Copy)]
struct Proof<'a> {
    method: &'a str,
    path: &'a str,
    nonce: Option<&'a str>,
    token: Option<&'a str>,
    jti: &'a str,
}

fn sign(house: &House, key: &SigningKey, proof: &Proof<'_>) -> String {
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.public().to_json() });
    let mut claims = json!({
        "jti": proof.jti,
        "htm": proof.method,
        "htu": format!("{}{}", house.app.issuer, proof.path),
        "iat": house.app.now().as_second(),
    });
    if let Some(nonce) = proof.nonce {
        claims["nonce"] = json!(nonce);
    }
    if let Some(token) = proof.token {
        claims["ath"] = json!(ath(token));
    }
    key.sign_parts(&header, &claims).unwrap()
}

async fn exchange(house: &House, client: &Registered, code: &str, proof: &str) -> Answer {
    let id = client.id.to_string();
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
        ("client_id", &id),
    ];
    house.post("/oauth/token").header("dpop", proof).form(&pairs).send().await
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_is_good_with_that_key_only() {
    let house = House::open().await;
    let public = json!({ "token_endpoint_auth_method": "none", "dpop_bound_access_tokens": true });
    let client = house.client(public).await;
    let ada = house.browser("ada").await;
    let own = key();
    let code = house.code(&ada, &client).await;
    let mut proof =
        Proof { method: "POST", path: "/oauth/token", nonce: None, token: None, jti: "1" };
    let answer = exchange(&house, &client, &code, &sign(&house, &own, &proof)).await;
    assert_eq!(answer.error(), "use_dpop_nonce");
    let nonce = answer.headers["dpop-nonce"].to_str().unwrap().to_owned();
    proof.nonce = Some(&nonce);
    let elsewhere = Proof { path: "/oauth/par", ..proof };
    let answer = exchange(&house, &client, &code, &sign(&house, &own, &elsewhere)).await;
    assert_eq!(answer.error(), "invalid_dpop_proof", "another htu");
    let shown = sign(&house, &own, &proof);
    let answer = exchange(&house, &client, &code, &shown).await;
    assert!(answer.headers.contains_key("dpop-nonce"));
    let tokens = answer.ok();
    assert_eq!(tokens["token_type"], "DPoP");
    let again = exchange(&house, &client, &code, &shown).await;
    assert_eq!(again.error(), "invalid_dpop_proof", "a proof is shown once");

    let access = tokens["access_token"].as_str().unwrap();
    let ask = async |key: &SigningKey, jti: &str| {
        let token = Some(access);
        let proof =
            Proof { method: "GET", path: "/oauth/userinfo", nonce: Some(&nonce), token, jti };
        let header = format!("DPoP {access}");
        let ask = house.get("/oauth/userinfo").header("authorization", &header);
        ask.header("dpop", &sign(&house, key, &proof)).send().await
    };
    ask(&own, "a").await.ok();
    assert_eq!(ask(&own, "a").await.error(), "invalid_dpop_proof", "replayed");
    let thief = ask(&key(), "b").await;
    assert_eq!(
        (thief.status, thief.error()),
        (StatusCode::UNAUTHORIZED, "invalid_token".to_owned())
    );
    assert_eq!(house.userinfo(access).await.error(), "invalid_token", "not a bearer token");

    // The refresh token of a public client is bound, too.
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let id = client.id.to_string();
    let pairs =
        [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", id.as_str())];
    let redeem = async |key: &SigningKey, jti: &str| {
        let shown = sign(&house, key, &Proof { jti, ..proof });
        house.post("/oauth/token").header("dpop", &shown).form(&pairs).send().await
    };
    assert_eq!(redeem(&key(), "c").await.error(), "invalid_grant");
    redeem(&own, "d").await.ok();
}

#[tokio::test]
async fn a_code_that_was_announced_for_a_key_is_good_with_it_only() {
    let house = House::open().await;
    let client = house.client(json!({ "token_endpoint_auth_method": "none" })).await;
    let ada = house.browser("ada").await;
    let own = key();
    let jkt = own.public().thumbprint().to_string();
    let answer = house.authorize(Some(&ada), &client, &[("dpop_jkt", &jkt)]).await;
    let code = answer.sent("code").unwrap();
    assert_eq!(house.redeem(&client, &code).await.error(), "invalid_grant", "without a proof");
    let nonce = house.app.oauth.nonces().nonce(house.app.now());
    let proof =
        Proof { method: "POST", path: "/oauth/token", nonce: Some(&nonce), token: None, jti: "1" };
    let other = exchange(&house, &client, &code, &sign(&house, &key(), &proof)).await;
    assert_eq!(other.error(), "invalid_grant");
    exchange(&house, &client, &code, &sign(&house, &own, &proof)).await.ok();
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_certificate_is_good_over_its_connections_only() {
    let house = House::open().await;
    let (id, desk) = house.workstation("desk").await;
    let (_, other) = house.workstation("other").await;
    let service = house
        .service(json!({
            "token_endpoint_auth_method": "tls_client_auth",
            "tls_client_auth_san_uri": desk.peer.spiffe_id.to_string(),
            "tls_client_certificate_bound_access_tokens": true,
            "scope": "introspect",
        }))
        .await;
    let client_id = service.id.to_string();
    let pairs = [("grant_type", "client_credentials"), ("client_id", client_id.as_str())];
    let ask = |peer| house.post("/oauth/token").form(&pairs).over(peer);
    assert_eq!(ask(&other).send().await.error(), "invalid_client");
    assert_eq!(house.post("/oauth/token").form(&pairs).send().await.error(), "invalid_client");
    let tokens = ask(&desk).send().await.ok();
    let access = tokens["access_token"].as_str().unwrap();
    let claims = house.claims(access, &house.app.issuer).await;
    assert_eq!(claims["cnf"]["x5t#S256"], desk.certificate.thumbprint());
    let bearer = format!("Bearer {access}");
    let userinfo = |peer: Option<_>| {
        let ask = house.get("/oauth/userinfo").header("authorization", &bearer);
        match peer {
            Some(peer) => ask.over(peer),
            None => ask,
        }
    };
    for peer in [None, Some(&other)] {
        assert_eq!(userinfo(peer).send().await.error(), "invalid_token");
    }
    // With the certificate it counts; what it lacks is a person.
    assert_eq!(userinfo(Some(&desk)).send().await.error(), "insufficient_scope");
    // A machine that was revoked is no client any more, though its certificate has not expired.
    let mut transaction = house.app.storage.begin().await.unwrap();
    let found = transaction.workstations().find(id).await.unwrap().unwrap();
    let lost = imp_identity::phone::Revocation::Lost;
    let (revoked, _) = found.revoke(house.app.now(), lost).unwrap();
    transaction.workstations().update(&revoked).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(ask(&desk).send().await.error(), "invalid_client");
}

#[tokio::test]
async fn a_service_signs_assertions_and_shows_each_once() {
    let house = House::open().await;
    let own = key();
    let service = house
        .service(json!({
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": { "keys": [own.public().to_json()] },
        }))
        .await;
    let id = service.id.to_string();
    let claims = json!({
        "iss": id, "sub": id, "aud": format!("{}/oauth/token", house.app.issuer),
        "jti": "1", "exp": (house.app.now() + SignedDuration::from_secs(60)).as_second(),
    });
    let ask = async |key: &SigningKey, claims: &Value| {
        let assertion = key.sign("JWT", claims).unwrap();
        let kind = imp_oauth::client::assertion::TYPE;
        let pairs = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", kind),
            ("client_assertion", &assertion),
        ];
        house.post("/oauth/token").form(&pairs).send().await
    };
    assert_eq!(ask(&key(), &claims).await.error(), "invalid_client");
    ask(&own, &claims).await.ok();
    assert_eq!(ask(&own, &claims).await.error(), "invalid_client", "replayed");
    let mut other = claims.clone();
    (other["jti"], other["aud"]) = (json!("2"), json!("https://other.example"));
    assert_eq!(ask(&own, &other).await.error(), "invalid_client");
}

#[tokio::test]
async fn where_it_is_strict_applications_push_prove_themselves_by_keys_and_bind_their_tokens() {
    let house = House::open_with(|config| config.oauth.strict = true).await;
    let ada = house.browser("ada").await;
    // With a secret, nothing is pushed and no code is redeemed; without pushing, no request is taken.
    let weak = house.client(json!({})).await;
    let answer = house.authorize(Some(&ada), &weak, &[]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
    let pairs = house.request(&weak, &[]);
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    let pushed = house.post("/oauth/par").basic(&weak).form(&pairs).send().await;
    assert_eq!(pushed.error(), "invalid_client");
    // With a certificate, tokens are bound to it though nobody registered that.
    let (_, desk) = house.workstation("desk").await;
    let service = house
        .service(json!({
            "token_endpoint_auth_method": "tls_client_auth",
            "tls_client_auth_san_uri": desk.peer.spiffe_id.to_string(),
        }))
        .await;
    let id = service.id.to_string();
    let pairs = [("grant_type", "client_credentials"), ("client_id", id.as_str())];
    let tokens = house.post("/oauth/token").form(&pairs).over(&desk).send().await.ok();
    let access = tokens["access_token"].as_str().unwrap();
    let claims = house.claims(access, &house.app.issuer).await;
    assert_eq!(claims["cnf"]["x5t#S256"], desk.certificate.thumbprint());
}
