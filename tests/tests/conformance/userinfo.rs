//! The userinfo endpoint (OpenID Connect Core §5.3).
use reqwest::StatusCode;
use serde_json::json;

use super::provider::Provider;

#[tokio::test]
async fn oidcc_userinfo_get() {
    let mut op = Provider::start().await;
    let tokens = op.sign_on(&[]).await;
    let claims = op.application.signed(&tokens.id).await;
    let (status, userinfo) = op.application.userinfo(&tokens.access).await;
    assert_eq!((status, userinfo), (StatusCode::OK, json!({"sub": claims["sub"]})));
    let (status, _) = op.application.userinfo("not.a.token").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn oidcc_userinfo_post_header() {
    let mut op = Provider::start().await;
    let tokens = op.sign_on(&[]).await;
    let claims = op.application.signed(&tokens.id).await;
    let (status, userinfo) = op.application.userinfo_by_post(Some(&tokens.access), None).await;
    assert_eq!((status, &userinfo["sub"]), (StatusCode::OK, &claims["sub"]));
}

#[tokio::test]
async fn oidcc_userinfo_post_body() {
    let mut op = Provider::start().await;
    let tokens = op.sign_on(&[]).await;
    let claims = op.application.signed(&tokens.id).await;
    let (status, userinfo) = op.application.userinfo_by_post(None, Some(&tokens.access)).await;
    assert_eq!((status, &userinfo["sub"]), (StatusCode::OK, &claims["sub"]));
    // RFC 6750 §2: one way at a time.
    let (status, _) =
        op.application.userinfo_by_post(Some(&tokens.access), Some(&tokens.access)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
