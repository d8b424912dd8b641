//! Scopes and claims (OpenID Connect Core §5.4, §5.5).
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::provider::Provider;

async fn userinfo(op: &mut Provider, changes: &[(&str, &str)]) -> Value {
    let tokens = op.sign_on(changes).await;
    let (status, userinfo) = op.application.userinfo(&tokens.access).await;
    assert_eq!(status, StatusCode::OK);
    userinfo
}

#[tokio::test]
async fn oidcc_scope_profile() {
    let mut op = Provider::start().await;
    let userinfo = userinfo(&mut op, &[("scope", "openid profile")]).await;
    assert_eq!(userinfo["name"], "Nurse alice");
    assert_eq!(userinfo["preferred_username"], "alice");
    assert!(userinfo.get("email").is_none());
}

#[tokio::test]
async fn oidcc_scope_email() {
    let mut op = Provider::start().await;
    let userinfo = userinfo(&mut op, &[("scope", "openid email")]).await;
    // She has none: a claim without a value is left out (§5.3.2).
    assert!(userinfo.get("email").is_none() && userinfo.get("name").is_none());
    let supported = op.application.metadata["claims_supported"].as_array().unwrap();
    assert!(supported.contains(&json!("email")) && supported.contains(&json!("email_verified")));
}

/// The suite skips this module where `scopes_supported` has no `address`: a hospital's directory of staff has none.
#[tokio::test]
async fn oidcc_scope_address() {
    not_offered("address").await;
}

/// The suite skips this module where `scopes_supported` has no `phone`, as here.
#[tokio::test]
async fn oidcc_scope_phone() {
    not_offered("phone").await;
}

async fn not_offered(scope: &str) {
    let mut op = Provider::start().await;
    assert!(
        !op.application.metadata["scopes_supported"].as_array().unwrap().contains(&json!(scope))
    );
    // A scope that is not known is ignored (OpenID Connect Core §3.1.2.1), and left out of what was granted.
    let tokens = op.sign_on(&[("scope", format!("openid {scope}").as_str())]).await;
    assert_eq!(tokens.response["scope"], "openid");
}

/// The suite's set of all, less what is not offered.
#[tokio::test]
async fn oidcc_scope_all() {
    let mut op = Provider::start().await;
    let tokens = op.sign_on(&[("scope", "openid profile email address phone")]).await;
    assert_eq!(tokens.response["scope"], "email openid profile");
    let (status, userinfo) = op.application.userinfo(&tokens.access).await;
    assert_eq!((status, &userinfo["name"]), (StatusCode::OK, &json!("Nurse alice")));
}

/// Other order of scopes, other case of the header, parameters in another order.
#[tokio::test]
async fn oidcc_alternate_happy_flow() {
    let mut op = Provider::start().await;
    let tokens =
        op.sign_on(&[("scope", "email profile openid"), ("state", "other-state_~.")]).await;
    op.application.id_token(&op.world, &tokens, Some("n-0S6_WzA2Mj")).await;
    assert_eq!(tokens.response["scope"], "email openid profile");
}

#[tokio::test]
async fn oidcc_claims_essential() {
    let mut op = Provider::start().await;
    assert_eq!(op.application.metadata["claims_parameter_supported"], true);
    let claims =
        r#"{"userinfo": {"name": {"essential": true}}, "id_token": {"preferred_username": null}}"#;
    let tokens = op.sign_on(&[("claims", claims)]).await;
    let (_, userinfo) = op.application.userinfo(&tokens.access).await;
    assert_eq!(userinfo["name"], "Nurse alice");
    assert!(userinfo.get("preferred_username").is_none());
    assert_eq!(op.application.signed(&tokens.id).await["preferred_username"], "alice");
}

#[tokio::test]
async fn oidcc_claims_locales() {
    let mut op = Provider::start().await;
    op.sign_on(&[("claims_locales", "se de")]).await;
}
