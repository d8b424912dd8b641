//! Whether and when the person is asked (OpenID Connect Core §3.1.2.1).
use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::provider::{Provider, is_sign_in};

async fn claims(op: &Provider, sent: &imp_tests::browser::Sent) -> Value {
    let tokens = op.redeem(sent).await;
    op.application.id_token(&op.world, &tokens, Some("n-0S6_WzA2Mj")).await
}

#[tokio::test]
async fn oidcc_prompt_login() {
    let mut op = Provider::start().await;
    let first = op.authorize(&[]).await;
    let first = claims(&op, &first).await;
    op.world.clock.advance(SignedDuration::from_secs(2));
    let page = op.ask(&[("prompt", "login")]).await.page();
    assert!(is_sign_in(&page), "she is asked a second time");
    let second = op.sign_in(&page).await.application();
    let second = claims(&op, &second).await;
    assert_eq!(first["sub"], second["sub"]);
    assert!(second["auth_time"].as_i64() > first["auth_time"].as_i64());
}

#[tokio::test]
async fn oidcc_prompt_none_not_logged_in() {
    let mut op = Provider::start().await;
    let sent = op.ask(&[("prompt", "none")]).await.application();
    assert_eq!(sent.get("error"), Some("login_required"));
    assert_eq!((sent.get("state"), sent.get("code")), (Some("af0ifjsldkj"), None));
}

#[tokio::test]
async fn oidcc_prompt_none_logged_in() {
    let mut op = Provider::start().await;
    let first = op.authorize(&[]).await;
    let first = claims(&op, &first).await;
    op.world.clock.advance(SignedDuration::from_secs(2));
    let second = op.ask(&[("prompt", "none")]).await.application();
    let second = claims(&op, &second).await;
    assert_eq!((&first["sub"], &first["auth_time"]), (&second["sub"], &second["auth_time"]));
}

#[tokio::test]
async fn oidcc_max_age_1() {
    let mut op = Provider::start().await;
    let first = op.authorize(&[]).await;
    let first = claims(&op, &first).await;
    op.world.clock.advance(SignedDuration::from_secs(2));
    let page = op.ask(&[("max_age", "1")]).await.page();
    assert!(is_sign_in(&page), "she is asked a second time");
    let second = op.sign_in(&page).await.application();
    let second = claims(&op, &second).await;
    assert!(second["auth_time"].as_i64() > first["auth_time"].as_i64());
}

#[tokio::test]
async fn oidcc_max_age_10000() {
    let mut op = Provider::start().await;
    let first = op.authorize(&[]).await;
    let first = claims(&op, &first).await;
    op.world.clock.advance(SignedDuration::from_secs(2));
    let second = op.ask(&[("max_age", "10000")]).await.application();
    let second = claims(&op, &second).await;
    assert_eq!((&first["sub"], &first["auth_time"]), (&second["sub"], &second["auth_time"]));
}

#[tokio::test]
async fn oidcc_id_token_hint() {
    let mut op = Provider::start().await;
    let tokens = op.sign_on(&[]).await;
    let first = op.application.signed(&tokens.id).await;
    let second =
        op.ask(&[("prompt", "none"), ("id_token_hint", tokens.id.as_str())]).await.application();
    let second = claims(&op, &second).await;
    assert_eq!(first["sub"], second["sub"]);
}

#[tokio::test]
async fn oidcc_login_hint() {
    let mut op = Provider::start().await;
    let tokens = op.sign_on(&[("login_hint", "alice")]).await;
    op.application.id_token(&op.world, &tokens, Some("n-0S6_WzA2Mj")).await;
}

#[tokio::test]
async fn oidcc_ensure_request_with_acr_values_succeeds() {
    let mut op = Provider::start().await;
    let supported = op.application.metadata["acr_values_supported"].as_array().unwrap().clone();
    let wanted = format!("{} {}", supported[1].as_str().unwrap(), supported[0].as_str().unwrap());
    let sent = op.authorize(&[("acr_values", wanted.as_str())]).await;
    let claims = claims(&op, &sent).await;
    assert_eq!(claims["acr"], supported[1]);
    let amr = claims["amr"].as_array().unwrap();
    assert!(amr.contains(&json!("mfa")) && amr.contains(&json!("user")), "{amr:?}");
}

#[tokio::test]
async fn oidcc_display_page() {
    asked_with("display", "page").await;
}

#[tokio::test]
async fn oidcc_display_popup() {
    asked_with("display", "popup").await;
}

#[tokio::test]
async fn oidcc_ui_locales() {
    asked_with("ui_locales", "se de").await;
}

/// A parameter that is understood and changes nothing: the page is small and in one language.
async fn asked_with(name: &str, value: &str) {
    let mut op = Provider::start().await;
    let page = op.ask(&[(name, value)]).await.page();
    assert!(is_sign_in(&page) && page.status == StatusCode::OK);
    let sent = op.sign_in(&page).await.application();
    claims(&op, &sent).await;
}
