//! `oidcc-rp-initiated-logout-certification-test-plan`.
use imp_tests::browser::{Arrival, Page, encode};
use reqwest::StatusCode;

use super::provider::{Provider, is_sign_in};
use super::relying_party::Tokens;

const AFTERWARDS: &str = "https://application.example/signed-out";

/// Opens the endpoint with an empty value for what is left out.
async fn sign_out(op: &mut Provider, changes: &[(&str, &str)]) -> Arrival {
    let mut pairs = vec![("post_logout_redirect_uri", AFTERWARDS), ("state", "bye")];
    pairs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    pairs.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    let pairs: Vec<_> =
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let url = format!("{}?{}", op.application.endpoint("end_session_endpoint"), encode(&pairs));
    op.browser.open(&url).await
}

async fn signed_on() -> (Provider, Tokens) {
    let mut op = Provider::start().await;
    let tokens = op.sign_on(&[]).await;
    (op, tokens)
}

/// The suite's last step: nobody is signed on in the browser.
async fn is_signed_out(op: &mut Provider) {
    let sent = op.ask(&[("prompt", "none")]).await.application();
    assert_eq!(sent.get("error"), Some("login_required"));
}

async fn is_signed_on(op: &mut Provider) {
    let sent = op.ask(&[("prompt", "none")]).await.application();
    assert!(sent.get("code").is_some(), "{sent:?}");
}

fn is_refused(page: &Page) {
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.body);
}

/// Says yes on the page that asks.
async fn confirm(op: &mut Provider, page: &Page) -> Arrival {
    assert_eq!(page.status, StatusCode::OK);
    let form = page.forms().into_iter().next().expect("a question");
    let yes = form.buttons.first().cloned().expect("a button");
    assert_eq!(yes.1, "yes");
    op.browser.submit(page, &form, &[(&yes.0, &yes.1)]).await
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let op = Provider::start().await;
    op.application.endpoint("end_session_endpoint");
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let (mut op, tokens) = signed_on().await;
    let sent = sign_out(&mut op, &[("id_token_hint", tokens.id.as_str())]).await.application();
    assert_eq!((sent.url.as_str(), sent.get("state")), (AFTERWARDS, Some("bye")));
    is_signed_out(&mut op).await;
    // The application's tokens ended with the sign-on.
    assert_eq!(op.application.userinfo(&tokens.access).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let (mut op, tokens) = signed_on().await;
    let changes = [
        ("id_token_hint", tokens.id.as_str()),
        ("post_logout_redirect_uri", "https://evil.example/"),
    ];
    is_refused(&sign_out(&mut op, &changes).await.page());
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let (mut op, tokens) = signed_on().await;
    let uri = format!("{AFTERWARDS}?foo=bar");
    let changes =
        [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", uri.as_str())];
    is_refused(&sign_out(&mut op, &changes).await.page());
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let (mut op, tokens) = signed_on().await;
    let (signed, _) = tokens.id.rsplit_once('.').unwrap();
    let modified = format!("{signed}.{}", "A".repeat(86));
    is_refused(&sign_out(&mut op, &[("id_token_hint", modified.as_str())]).await.page());
    is_signed_on(&mut op).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let (mut op, _) = signed_on().await;
    is_refused(&sign_out(&mut op, &[("id_token_hint", "not-a-token")]).await.page());
    is_signed_on(&mut op).await;
}

/// Without a hint it is not certain which application asks: the URI counts for none, and the person is told.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let (mut op, _) = signed_on().await;
    is_refused(&sign_out(&mut op, &[]).await.page());
    is_signed_on(&mut op).await;
}

/// Anybody can link to the endpoint: the person is asked.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let (mut op, _) = signed_on().await;
    let page = sign_out(&mut op, &[("post_logout_redirect_uri", ""), ("state", "")]).await.page();
    is_signed_on(&mut op).await;
    let done = confirm(&mut op, &page).await.page();
    assert!(done.status == StatusCode::OK && !is_sign_in(&done));
    is_signed_out(&mut op).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let (mut op, tokens) = signed_on().await;
    let changes = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", "")];
    let page = sign_out(&mut op, &changes).await.page();
    assert_eq!(page.status, StatusCode::OK);
    is_signed_out(&mut op).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let (mut op, tokens) = signed_on().await;
    let sent = sign_out(&mut op, &[("id_token_hint", tokens.id.as_str()), ("state", "")])
        .await
        .application();
    assert_eq!((sent.url.as_str(), sent.get("state")), (AFTERWARDS, None));
    is_signed_out(&mut op).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let (mut op, _) = signed_on().await;
    let page = sign_out(&mut op, &[("post_logout_redirect_uri", "")]).await.page();
    let done = confirm(&mut op, &page).await.page();
    assert_eq!(done.status, StatusCode::OK);
    is_signed_out(&mut op).await;
}
