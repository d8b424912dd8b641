//! `oidcc-backchannel-rp-initiated-logout-certification-test-plan`.
use imp_tests::browser::encode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::provider::Provider;

#[tokio::test]
async fn oidcc_backchannel_logout_discovery_endpoint_verification() {
    let op = Provider::start().await;
    op.application.endpoint("end_session_endpoint");
    assert_eq!(op.application.metadata["backchannel_logout_supported"], true);
    assert_eq!(op.application.metadata["backchannel_logout_session_supported"], true);
}

#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/backchannel_logout", listener.local_addr().unwrap());
    let mut op = Provider::with(
        &json!({"backchannel_logout_uri": uri, "backchannel_logout_session_required": true}),
    )
    .await;
    let tokens = op.sign_on(&[]).await;
    let id = op.application.signed(&tokens.id).await;
    let pairs = [
        ("post_logout_redirect_uri", "https://application.example/signed-out"),
        ("id_token_hint", tokens.id.as_str()),
        ("state", "bye"),
    ];
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let url = format!("{}?{}", op.application.endpoint("end_session_endpoint"), encode(&pairs));
    let heard = tokio::time::timeout(imp_tests::process::PATIENCE, receive(listener));
    let (heard, sent) = tokio::join!(heard, op.browser.open(&url));
    assert_eq!(sent.application().get("state"), Some("bye"));

    let request = heard.expect("a request");
    let token = logout_token(&request);
    check(&op, &op.application.signed(&token).await, &id);
    let sent = op.ask(&[("prompt", "none")]).await.application();
    assert_eq!(sent.get("error"), Some("login_required"));
}

/// OpenID Connect Back-Channel Logout §2.6.
fn check(op: &Provider, claims: &Value, id: &Value) {
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["sid"]),
        (&id["iss"], &id["sub"], &id["sid"])
    );
    assert_eq!(claims["aud"], op.application.id.as_str());
    assert_eq!(claims["events"], json!({"http://schemas.openid.net/event/backchannel-logout": {}}));
    assert!(claims.get("nonce").is_none() && claims["jti"].is_string() && claims["exp"].is_i64());
    let age = op.world.now().as_second() - claims["iat"].as_i64().unwrap();
    assert!((0..60).contains(&age), "{age}");
}

fn logout_token(request: &str) -> String {
    assert!(request.starts_with("POST /backchannel_logout HTTP/1.1\r\n"), "{request}");
    assert!(
        request.to_ascii_lowercase().contains("content-type: application/x-www-form-urlencoded")
    );
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    body.strip_prefix("logout_token=").unwrap().to_owned()
}

/// Takes one request and answers it.
async fn receive(listener: TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = String::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the request ends early: {request}");
        request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        if is_whole(&request) {
            break;
        }
    }
    let answer = "HTTP/1.1 200 OK\r\ncache-control: no-store\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(answer.as_bytes()).await.unwrap();
    request
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut length = lines
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map(|(_, value)| value);
    body.len() >= length.next().expect("a length").trim().parse().unwrap()
}
