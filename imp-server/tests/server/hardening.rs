//! What strangers, guessers and other sites find.
use imp_api::Problem;
use jiff::SignedDuration;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::hospital::Hospital;

fn guess(http: &Client, hospital: &Hospital, code: &str) -> RequestBuilder {
    http.post(format!("{}/v1/sign-in", hospital.server.url())).json(&json!({ "code": code }))
}

/// A client at another address of this machine.
fn elsewhere(hospital: &Hospital) -> Client {
    let tls = imp_authenticator::tls::first_meeting(hospital.server.ca(), hospital.clock.clone());
    let builder = Client::builder().tls_backend_preconfigured(tls.unwrap()).no_proxy();
    builder.local_address(Some([127, 0, 0, 2].into())).build().unwrap()
}

async fn code_of(answer: Response) -> String {
    let problem: Problem = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    problem.code().to_owned()
}

#[tokio::test]
async fn who_guesses_waits_and_nobody_else_does() {
    let hospital = Hospital::open_with(|config| config.limits.failures_per_minute = 3).await;
    let administrator = hospital.first_administrator().await;
    let (_, workstation) = hospital.workstation(&administrator).await;
    let http = hospital.http(None);
    let wrong = "AAAAA-AAAAA-AAAAA-AAAAA";
    for _ in 0..3 {
        let answer = guess(&http, &hospital, wrong).send().await.unwrap();
        assert_eq!(code_of(answer).await, "code-invalid");
    }
    let answer = guess(&http, &hospital, wrong).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    let wait: i64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(code_of(answer).await, "too-soon");
    // Another address, and whoever shows a certificate or a token at this one, are answered.
    let other = guess(&elsewhere(&hospital), &hospital, wrong).send().await.unwrap();
    assert_eq!(code_of(other).await, "code-invalid");
    workstation.client.roster().await.unwrap();
    administrator.users(None, 10).await.unwrap();
    // After the wait she may try again.
    hospital.clock.advance(SignedDuration::from_secs(wait));
    let again = guess(&http, &hospital, wrong).send().await.unwrap();
    assert_eq!(code_of(again).await, "code-invalid");
}

/// What is answered to a code does not say whether it is, or was, anybody's.
#[tokio::test]
async fn a_wrong_code_and_a_used_code_look_the_same() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let ada = administrator.users(None, 1).await.unwrap().users[0].id;
    let used = administrator.issue_sign_in_code(ada).await.unwrap().code;
    let http = hospital.http(None);
    assert_eq!(guess(&http, &hospital, &used.expose()).send().await.unwrap().status(), 200);
    let mut answers = vec![];
    for code in [used.expose().as_str(), "AAAAA-AAAAA-AAAAA-AAAAA"] {
        let answer = guess(&http, &hospital, code).send().await.unwrap();
        let mut headers = answer.headers().clone();
        headers.remove("date");
        answers.push((answer.status(), headers, answer.text().await.unwrap()));
    }
    assert_eq!(answers[0], answers[1]);
}

/// Every operation of the contract that can answer with a page, asked without anything.
#[tokio::test]
async fn every_page_has_the_careful_headers_and_every_cookie_is_of_this_host() {
    let hospital = Hospital::open().await;
    let http = hospital.http(None);
    let contract: Value = hospital.stranger().get("v1/openapi.json").await.unwrap();
    let mut pages = 0;
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(responses) = operation["responses"].as_object() else { continue };
            if !responses.values().any(|answer| answer["content"]["text/html"].is_object()) {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path = path.replace(['{', '}'], "");
            let url = format!("{}{path}", hospital.server.url());
            let request = http.request(method.clone(), url).header("accept", "text/html");
            let answer = request.send().await.unwrap();
            assert!(!answer.status().is_server_error(), "{method} {path}: {}", answer.status());
            careful(&format!("{method} {path}"), &answer);
            pages += 1;
        }
    }
    assert!(pages >= 2, "only {pages} pages");
}

fn careful(what: &str, answer: &Response) {
    let header = |name: &str| {
        let value = answer.headers().get(name).unwrap_or_else(|| panic!("{what}: no {name}"));
        value.to_str().unwrap().to_owned()
    };
    // The broker of the desktop is the one address that is not ours (docs/sessions.md).
    let policy = header("content-security-policy").replace("http://127.0.0.1:7845", "");
    for part in ["default-src 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{what}: {policy}");
    }
    for unsafe_part in ["unsafe-inline", "unsafe-eval", "http:", "*"] {
        assert!(!policy.contains(unsafe_part), "{what}: {policy}");
    }
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    // Pages with forms say `same-origin`: without it browsers would not say where a form comes from.
    let referrer = header("referrer-policy");
    assert!(matches!(referrer.as_str(), "no-referrer" | "same-origin"), "{what}: {referrer}");
    assert_eq!(header("x-frame-options"), "DENY", "{what}");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{what}");
    assert!(header("strict-transport-security").starts_with("max-age=31536000"), "{what}");
    let kind = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    if kind.is_some_and(|kind| kind.starts_with("text/html")) {
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{what}");
        assert_eq!(header("cache-control"), "no-store", "{what}");
    }
    for cookie in answer.headers().get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-"), "{what}: {cookie}");
        for part in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite="] {
            assert!(cookie.contains(part), "{what}: {cookie}");
        }
        assert!(!cookie.contains("Domain="), "{what}: {cookie}");
    }
}

#[tokio::test]
async fn long_addresses_and_many_parameters_are_refused_and_break_nothing() {
    let hospital = Hospital::open().await;
    let http = hospital.http(None);
    let long = "x".repeat(12 * 1024);
    for (path, expected) in [
        (format!("/notices/{long}"), vec![404, 400]),
        (format!("/v1/log/inclusion?index={long}"), vec![400]),
        (format!("/v1/log/inclusion?{}", "a=1&".repeat(2000)), vec![400]),
        ("/v1/log/inclusion?index=1&index=1".to_owned(), vec![400]),
        ("/notices/%00%ff".to_owned(), vec![404, 400]),
        ("/tile/..%2f..%2fetc%2fpasswd".to_owned(), vec![404, 400]),
    ] {
        let answer = http.get(format!("{}{path}", hospital.server.url())).send().await.unwrap();
        let status = answer.status().as_u16();
        let shown = path.chars().take(40).collect::<String>();
        assert!(expected.contains(&status), "{shown}: {status}");
    }
}
