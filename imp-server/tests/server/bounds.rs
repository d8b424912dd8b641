//! What callers send by mistake or by malice.
use imp_api::Problem;
use imp_authenticator::tls::first_meeting;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use crate::hospital::Hospital;

#[tokio::test]
async fn bad_requests_are_answered_with_problems() {
    let hospital = Hospital::open().await;
    let http = http(&hospital);
    let url = |path: &str| format!("{}{path}", hospital.server.url());
    let sign_in = || http.post(url("/v1/sign-in")).header("content-type", "application/json");
    for (request, status, code) in [
        (sign_in().body("{"), 400, "body-malformed"),
        (sign_in().body("{\"code\":\"short\"}"), 422, "body-invalid"),
        (sign_in().body("{\"unknown\":1}"), 422, "body-invalid"),
        (sign_in().body(" ".repeat(300 * 1024)), 413, "body-too-large"),
        (http.post(url("/v1/sign-in")).body("{}"), 415, "media-type"),
        (http.get(url("/v1/nothing")), 404, "route-unknown"),
        (http.put(url("/v1/sign-in")), 405, "method-not-allowed"),
        (http.get(url("/v1/users/nobody")).bearer_auth("x"), 401, "sign-in-required"),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{code}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        let problem: Problem = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!((problem.code(), problem.status), (code, status));
        assert_eq!(problem.kind, format!("urn:imp:problem:{code}"));
    }
}

#[tokio::test]
async fn health_readiness_and_contract_are_open_to_all() {
    let hospital = Hospital::open().await;
    let http = http(&hospital);
    for path in ["/healthz", "/readyz"] {
        let answer = http.get(format!("{}{path}", hospital.server.url())).send().await.unwrap();
        assert_eq!(answer.status(), 204, "{path}");
    }
    let contract = http.get(format!("{}/v1/openapi.json", hospital.server.url()));
    let contract = contract.send().await.unwrap().bytes().await.unwrap();
    let contract: Value = serde_json::from_slice(&contract).unwrap();
    assert!(contract["paths"]["/v1/taps/{tap}/submission"]["post"].is_object());
}

#[tokio::test]
async fn a_silent_or_rude_connection_does_not_stop_others() {
    let hospital = Hospital::open().await;
    let address = hospital.server.address();
    let mut silent = vec![];
    for _ in 0..100 {
        silent.push(tokio::net::TcpStream::connect(address).await.unwrap());
    }
    let mut rude = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut rude, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = vec![];
    // It is hung up on, with at most a TLS alert.
    let _ = rude.read_to_end(&mut answer).await;
    assert!(answer.len() < 32);
    let healthy = http(&hospital).get(format!("{}/healthz", hospital.server.url()));
    assert_eq!(healthy.send().await.unwrap().status(), 204);
    drop(silent);
}

#[tokio::test]
async fn one_address_cannot_take_more_than_its_share() {
    let hospital = Hospital::open_with(|config| config.http.connections_per_address = 2).await;
    let address = hospital.server.address();
    let connect = || tokio::net::TcpStream::connect(address);
    let _silent = (connect().await.unwrap(), connect().await.unwrap());
    let mut third = connect().await.unwrap();
    // It is closed without a word, or reset.
    assert_eq!(third.read(&mut [0; 1]).await.unwrap_or(0), 0);
    // Another address of this machine has its own share.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut other, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut alert = vec![];
    let _ = other.read_to_end(&mut alert).await;
    assert_eq!(alert.first(), Some(&0x15), "a TLS alert (RFC 8446 §5.1): {alert:?}");
}

#[tokio::test]
async fn strangers_send_small_bodies_only() {
    let hospital = Hospital::open().await;
    let http = http(&hospital);
    for path in ["/v1/sign-in", "/v1/phones/binding", "/v1/workstations/enrolment"] {
        for (size, status) in [(33 * 1024, 413), (31 * 1024, 400)] {
            let request = http.post(format!("{}{path}", hospital.server.url()));
            let request = request.header("content-type", "application/json");
            let answer = request.body(" ".repeat(size)).send().await.unwrap();
            assert_eq!(answer.status(), status, "{path} {size}");
        }
    }
}

#[tokio::test]
async fn the_server_stops_when_told() {
    let hospital = Hospital::open().await;
    let http = http(&hospital);
    let url = format!("{}/healthz", hospital.server.url());
    assert_eq!(http.get(&url).send().await.unwrap().status(), 204);
    let Hospital { server, .. } = hospital;
    server.stop().await.unwrap();
    assert!(http.get(&url).send().await.is_err());
}

fn http(hospital: &Hospital) -> reqwest::Client {
    let tls = first_meeting(hospital.server.ca(), hospital.clock.clone()).unwrap();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}
