//! Codes and tokens.
use data_encoding::BASE64URL_NOPAD;
use imp_tests::browser::encode;
use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::provider::Provider;
use super::relying_party::Tokens;

const NONCE: Option<&str> = Some("n-0S6_WzA2Mj");

#[tokio::test]
async fn oidcc_server() {
    let mut op = Provider::start().await;
    let sent = op.authorize(&[]).await;
    assert_eq!(sent.get("state"), Some("af0ifjsldkj"));
    assert_eq!(sent.get("iss"), Some(op.application.issuer.as_str()));
    let tokens = op.redeem(&sent).await;
    let claims = op.application.id_token(&op.world, &tokens, NONCE).await;
    assert_eq!(claims["azp"], op.application.id.as_str());
    let (status, userinfo) = op.application.userinfo(&tokens.access).await;
    assert_eq!((status, &userinfo["sub"]), (StatusCode::OK, &claims["sub"]));
}

/// The suite asks for RS256; our keys are P-256 and Ed25519.
#[tokio::test]
async fn oidcc_idtoken_signature() {
    let mut op = Provider::start().await;
    let tokens = op.sign_on(&[]).await;
    op.application.id_token(&op.world, &tokens, NONCE).await;
    let keys = op.application.keys().await;
    let named = keys.keys.iter().filter(|key| key.common.key_id.is_some()).count();
    assert!(named == keys.keys.len() && named >= 2, "ES256 and EdDSA, each key with its kid");
}

/// The suite registers a client for unsigned ID tokens and lets a provider refuse: we do.
#[tokio::test]
async fn oidcc_idtoken_unsigned() {
    let op = Provider::start().await;
    let metadata = json!({
        "client_name": "Unsigned",
        "redirect_uris": ["https://application.example/callback"],
        "id_token_signed_response_alg": "none",
    });
    let refused: Result<Value, _> = op.world.administrator.post("v1/clients", &metadata).await;
    refused.expect_err("unsigned ID tokens are not offered");
    let offered =
        op.application.metadata["id_token_signing_alg_values_supported"].as_array().unwrap();
    assert!(!offered.contains(&json!("none")));
}

#[tokio::test]
async fn oidcc_server_client_secret_post() {
    let mut op = Provider::with(&json!({"token_endpoint_auth_method": "client_secret_post"})).await;
    let tokens = op.sign_on(&[]).await;
    op.application.id_token(&op.world, &tokens, NONCE).await;
}

#[tokio::test]
async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
    let mut op = Provider::start().await;
    let tokens = op.sign_on(&[("nonce", "")]).await;
    op.application.id_token(&op.world, &tokens, None).await;
}

#[tokio::test]
async fn oidcc_codereuse() {
    let mut op = Provider::start().await;
    let sent = op.authorize(&[]).await;
    op.redeem(&sent).await;
    let (status, body) = op.application.redeem(sent.get("code").unwrap()).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
}

#[tokio::test]
async fn oidcc_codereuse_30seconds() {
    let mut op = Provider::start().await;
    let sent = op.authorize(&[]).await;
    let tokens = op.redeem(&sent).await;
    assert_eq!(op.application.userinfo(&tokens.access).await.0, StatusCode::OK);
    op.world.clock.advance(SignedDuration::from_secs(30));
    let (status, body) = op.application.redeem(sent.get("code").unwrap()).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    // What the first use gave counts no longer (RFC 6749 §4.1.2).
    assert_eq!(op.application.userinfo(&tokens.access).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn oidcc_refresh_token() {
    let mut op = Provider::start().await;
    let first = op.sign_on(&[]).await;
    let claims = op.application.id_token(&op.world, &first, NONCE).await;
    op.world.clock.advance(SignedDuration::from_secs(2));
    let refresh = first.refresh.clone().expect("a refresh token");
    let (status, body) = refresh_with(&op, &refresh).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    // OpenID Connect Core §12.2: the same person, authenticated at the same time; no nonce, or the same.
    let second = Tokens::of(&body);
    let again = op.application.signed(&second.id).await;
    for same in ["iss", "sub", "aud", "auth_time", "azp"] {
        assert_eq!(again[same], claims[same], "{same}");
    }
    assert!(again["iat"].as_i64() > claims["iat"].as_i64());
    assert_ne!(second.access, first.access);
    assert_eq!(op.application.userinfo(&second.access).await.0, StatusCode::OK);

    // Tokens are used once: whoever uses an old one ends the family (RFC 9700 §4.14.2).
    let rotated = second.refresh.expect("another refresh token");
    assert_ne!(rotated, refresh);
    op.world.clock.advance(SignedDuration::from_mins(2));
    assert_eq!(refresh_with(&op, &refresh).await.1["error"], "invalid_grant");
    assert_eq!(refresh_with(&op, &rotated).await.1["error"], "invalid_grant");
    assert_eq!(op.application.userinfo(&second.access).await.0, StatusCode::UNAUTHORIZED);

    // A refresh token is of its client (the suite's second client).
    let third = op.ask(&[]).await.application();
    let third = op.redeem(&third).await.refresh.expect("a refresh token");
    let other =
        super::relying_party::RelyingParty::register(&op.world, &json!({"client_name": "Other"}))
            .await;
    let stolen = [("grant_type", "refresh_token"), ("refresh_token", third.as_str())];
    assert_eq!(other.token(&stolen).await.1["error"], "invalid_grant");
}

async fn refresh_with(op: &Provider, token: &str) -> (StatusCode, Value) {
    op.application.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

/// Every request here has a valid challenge; this one is also tried without, and redeemed with another verifier.
#[tokio::test]
async fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    let mut op = Provider::start().await;
    let without =
        op.ask(&[("code_challenge", ""), ("code_challenge_method", "")]).await.application();
    assert_eq!(without.get("error"), Some("invalid_request"));
    let sent = op.authorize(&[]).await;
    let code = sent.get("code").unwrap().to_owned();
    let tokens = op.redeem(&sent).await;
    op.application.id_token(&op.world, &tokens, NONCE).await;

    let again = op.ask(&[]).await.application();
    assert_ne!(again.get("code"), Some(code.as_str()));
    let verifier = "a".repeat(43);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", again.get("code").unwrap()),
        ("redirect_uri", super::provider::CALLBACK),
        ("code_verifier", verifier.as_str()),
    ];
    assert_eq!(op.application.token(&fields).await.1["error"], "invalid_grant");
}

/// OpenID Connect Core §6.1: request objects are not offered, and that is said; an unsigned one changes nothing.
#[tokio::test]
async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported() {
    let mut op = Provider::start().await;
    assert_eq!(op.application.metadata["request_parameter_supported"], false);
    let object = unsigned(&json!({"state": "other", "nonce": "other", "scope": "openid"}));
    let sent = op.ask(&[("request", object.as_str())]).await.application();
    assert_eq!(sent.get("error"), Some("request_not_supported"));
    assert_eq!(sent.get("state"), Some("af0ifjsldkj"));
}

#[tokio::test]
async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported() {
    let mut op = Provider::start().await;
    assert_eq!(op.application.metadata["request_uri_parameter_supported"], false);
    let sent =
        op.ask(&[("request_uri", "https://application.example/request.jwt")]).await.application();
    assert_eq!(sent.get("error"), Some("request_uri_not_supported"));
}

/// The URI in the query is not registered, that in the request object is: it is not read, so that the person is told.
#[tokio::test]
async fn oidcc_ensure_request_object_with_redirect_uri() {
    let mut op = Provider::start().await;
    let object = unsigned(&json!({"redirect_uri": super::provider::CALLBACK}));
    let changes =
        [("request", object.as_str()), ("redirect_uri", "https://application.example/other")];
    let page = op.ask(&changes).await.page();
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.body.contains("redirect_uri"), "{}", page.body);
}

fn unsigned(claims: &Value) -> String {
    let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}.", encode(&json!({"alg": "none"})), encode(claims))
}

#[tokio::test]
async fn what_is_not_one_request_is_refused() {
    let op = Provider::start().await;
    let http = op.world.http();
    let mut pairs = op.request(&[]);
    pairs.push(("nonce".to_owned(), "twice".to_owned()));
    let url = op.application.authorize_path(&pairs);
    assert_eq!(http.get(url).send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    let twice = encode(&[
        ("grant_type".to_owned(), "refresh_token".to_owned()),
        ("grant_type".to_owned(), "x".to_owned()),
    ]);
    let request = http.post(op.application.endpoint("token_endpoint"));
    let response = request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(twice)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}
