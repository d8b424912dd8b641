use std::net::Ipv4Addr;

use imp_identity::Secret;
use imp_pki::acme::{AccountKey, Token};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

fn authorization() -> (Token, KeyAuthorization) {
    let token = Token::generate(&mut crate::app::rng());
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let key = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": x});
    let key = AccountKey::from_json(&key).unwrap();
    let authorization = KeyAuthorization::new(&token, &key);
    (token, authorization)
}

/// Looks by HTTP at a device that answers every request with `answer`; answers what it was asked, too.
async fn look(networks: &[&str], answer: &str) -> (Result<(), ValidationError>, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let config = AcmeConfig {
        networks: networks.iter().map(|it| it.parse().unwrap()).collect(),
        http_port: listener.local_addr().unwrap().port(),
        try_seconds: 5,
        ..AcmeConfig::default()
    };
    let validator = Validator::new(&config).unwrap();
    let (token, expected) = authorization();
    let identifier = Identifier::parse("ip", "127.0.0.1").unwrap();
    let answer = answer.replace("{}", expected.as_str());
    let device = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 4096];
        let length = stream.read(&mut asked).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8_lossy(&asked[..length]).into_owned()
    };
    let looked = validator.look(ChallengeKind::Http01, &identifier, token.as_str(), &expected);
    let mut looked = std::pin::pin!(looked);
    tokio::select! {
        biased;
        found = &mut looked => (found, String::new()),
        asked = device => (looked.await, asked),
    }
}

fn page(status: &str, body: &str) -> String {
    let length = body.replace("{}", &"x".repeat(87)).len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

#[tokio::test]
async fn a_device_that_shows_the_key_authorization_is_believed() {
    let (found, asked) = look(&["127.0.0.0/8"], &page("200 OK", "{}")).await;
    found.unwrap();
    assert!(asked.starts_with("GET /.well-known/acme-challenge/"), "{asked}");
    assert!(asked.to_ascii_lowercase().contains("\r\nhost: 127.0.0.1:"), "{asked}");
}

#[tokio::test]
async fn other_answers_prove_nothing() {
    let answer = async |answer: String| look(&["127.0.0.0/8"], &answer).await.0.unwrap_err();
    let wrong = answer(page("200 OK", "something else")).await;
    assert!(matches!(wrong, ValidationError::Incorrect), "{wrong}");
    let missing = answer(page("404 Not Found", "{}")).await;
    assert!(matches!(missing, ValidationError::Status(404)), "{missing}");
    let elsewhere =
        "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
    let redirect = answer(elsewhere.to_owned()).await;
    assert!(matches!(redirect, ValidationError::Redirect), "{redirect}");
    assert_eq!(redirect.kind(), ProblemType::IncorrectResponse);
    let long = answer(page("200 OK", &"x".repeat(5000))).await;
    assert!(matches!(long, ValidationError::TooLong), "{long}");
    let noise = answer("SSH-2.0-device\r\n".to_owned()).await;
    assert!(matches!(noise, ValidationError::Http), "{noise}");
}

#[tokio::test]
async fn addresses_outside_the_networks_are_not_asked() {
    let (found, asked) = look(&["10.0.0.0/8"], &page("200 OK", "{}")).await;
    let refused = found.unwrap_err();
    assert!(matches!(refused, ValidationError::Address(_)), "{refused}");
    assert_eq!((refused.kind(), asked.as_str()), (ProblemType::RejectedIdentifier, ""));
}

#[tokio::test]
async fn a_device_that_says_nothing_makes_nobody_wait() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let config = AcmeConfig {
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        http_port: listener.local_addr().unwrap().port(),
        tls_port: listener.local_addr().unwrap().port(),
        try_seconds: 1,
        ..AcmeConfig::default()
    };
    let validator = Validator::new(&config).unwrap();
    let (token, expected) = authorization();
    let identifier = Identifier::parse("ip", "127.0.0.1").unwrap();
    for kind in [ChallengeKind::Http01, ChallengeKind::TlsAlpn01] {
        let found = validator.look(kind, &identifier, token.as_str(), &expected).await;
        assert!(matches!(found, Err(ValidationError::Time)), "{kind:?}");
    }
}

#[tokio::test]
async fn the_server_keeps_its_secrets_from_its_own_description() {
    let key = Secret::new(vec![7; 32]);
    let service = crate::acme::Service::new(
        &AcmeConfig::default(),
        "https://localhost:1",
        &key,
        &mut crate::app::rng(),
    );
    let service = service.unwrap();
    assert_eq!(service.url("/directory"), "https://localhost:1/acme/directory");
    assert_eq!(service.named("https://localhost:1/acme/account/x", "/account/"), Some("x"));
    assert_eq!(service.named("https://elsewhere/acme/account/x", "/account/"), None);
    assert!(!format!("{service:?}").contains("nonces"));
}
