//! What authorization requests may be.
use reqwest::{Method, StatusCode};

use super::provider::{CALLBACK, Provider, is_sign_in};

/// The suite accepts an error at the application, or a page: the redirect URI is certain, so that the application is told.
#[tokio::test]
async fn oidcc_response_type_missing() {
    let mut op = Provider::start().await;
    let sent = op.ask(&[("response_type", "")]).await.application();
    assert_eq!((sent.url.as_str(), sent.get("error")), (CALLBACK, Some("invalid_request")));
    assert_eq!((sent.get("state"), sent.get("code")), (Some("af0ifjsldkj"), None));
}

#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    let mut op = Provider::start().await;
    for uri in [
        "https://application.example/other",
        "https://application.example/callback/",
        "https://application.example/callback?a=b",
        "https://application.example:443/callback",
        "https://evil.example/callback",
        "",
    ] {
        let page = op.ask(&[("redirect_uri", uri)]).await.page();
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{uri}");
        assert!(page.body.contains("redirect_uri"), "{}", page.body);
    }
}

#[tokio::test]
async fn oidcc_ensure_request_with_unknown_parameter_succeeds() {
    let mut op = Provider::start().await;
    let tokens = op.sign_on(&[("extra", "foobar")]).await;
    op.application.id_token(&op.world, &tokens, Some("n-0S6_WzA2Mj")).await;
}

#[tokio::test]
async fn oidcc_ensure_post_request_succeeds() {
    let mut op = Provider::start().await;
    let pairs = op.request(&[]);
    let fields: Vec<_> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let endpoint = op.application.endpoint("authorization_endpoint");
    let page = op.browser.post_from_elsewhere(&endpoint, &fields).await.page();
    assert!(is_sign_in(&page));
    let sent = op.sign_in(&page).await.application();
    let tokens = op.redeem(&sent).await;
    op.application.id_token(&op.world, &tokens, Some("n-0S6_WzA2Mj")).await;
}

/// Of the Form Post profile: the same by a form that submits itself.
#[tokio::test]
async fn a_code_may_come_by_a_form() {
    let mut op = Provider::start().await;
    let sent = op.authorize(&[("response_mode", "form_post")]).await;
    assert_eq!((&sent.method, sent.url.as_str()), (&Method::POST, CALLBACK));
    assert_eq!(sent.get("iss"), Some(op.application.issuer.as_str()));
    let tokens = op.redeem(&sent).await;
    op.application.id_token(&op.world, &tokens, Some("n-0S6_WzA2Mj")).await;
}
