//! The live stream of the log, as an auditor's client sees it.
use imp_api::audit::Entry;
use imp_authenticator::tls::first_meeting;
use imp_identity::user::Role;
use imp_identity::{Secret, UserId};
use jiff::SignedDuration;
use reqwest::{Response, StatusCode};

use crate::hospital::Hospital;

/// What came on a stream, message by message.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    /// The next entry and its `id`; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(u64, Entry)> {
        loop {
            while let Some((message, rest)) = self.text.split_once("\n\n") {
                let (message, rest) = (message.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name));
                if let (Some(id), Some(data)) = (field("id: "), field("data: ")) {
                    return Some((id.parse().unwrap(), serde_json::from_str(data).unwrap()));
                }
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn kinds(&mut self, count: usize) -> Vec<String> {
        let mut kinds = vec![];
        for _ in 0..count {
            kinds.push(self.next().await.unwrap().1.kind);
        }
        kinds
    }
}

async fn open(
    hospital: &Hospital,
    token: &Secret<String>,
    query: &str,
    last: Option<u64>,
) -> Response {
    let tls = first_meeting(hospital.server.ca(), hospital.clock.clone()).unwrap();
    let http = reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap();
    let url = format!("{}/v1/events/stream{query}", hospital.server.url());
    let mut request = http.get(url).bearer_auth(token.expose());
    if let Some(last) = last {
        request = request.header("last-event-id", last.to_string());
    }
    request.send().await.unwrap()
}

fn stream(response: Response) -> Stream {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    Stream { response, text: String::new() }
}

async fn auditor(hospital: &Hospital) -> (imp_api::Client, UserId, Secret<String>) {
    let administrator = hospital.first_administrator().await;
    let (id, token) = hospital.person(&administrator, "aud", Role::Auditor).await;
    (administrator, id, token)
}

#[tokio::test]
async fn an_auditor_follows_the_log_and_resumes_where_she_was() {
    let hospital = Hospital::open().await;
    let (administrator, _, token) = auditor(&hospital).await;
    let mut live = stream(open(&hospital, &token, "", None).await);
    hospital.person(&administrator, "bea", Role::Staff).await;
    assert_eq!(live.kinds(2).await, ["user-created", "sign-in-code-issued"]);
    let (index, entry) = live.next().await.unwrap();
    assert_eq!((entry.index, entry.kind.as_str()), (index, "access-token-issued"));
    assert!(entry.sentence.contains("BEA"), "{}", entry.sentence);
    drop(live);
    hospital.person(&administrator, "cleo", Role::Staff).await;
    let mut again = stream(open(&hospital, &token, "", Some(index)).await);
    let (next, entry) = again.next().await.unwrap();
    assert_eq!((next, entry.kind.as_str()), (index + 1, "user-created"));
    // Her own opening of the stream is an entry, too.
    let rest = again.kinds(3).await;
    assert_eq!(rest, ["sign-in-code-issued", "access-token-issued", "log-read"]);
}

#[tokio::test]
async fn a_stream_shows_what_was_asked_for() {
    let hospital = Hospital::open().await;
    let (administrator, _, token) = auditor(&hospital).await;
    let query = "?kind=user-disabled,user-enabled&after=0";
    let mut live = stream(open(&hospital, &token, query, None).await);
    let (bea, _) = hospital.person(&administrator, "bea", Role::Staff).await;
    administrator.disable_user(bea).await.unwrap();
    administrator.enable_user(bea).await.unwrap();
    assert_eq!(live.kinds(2).await, ["user-disabled", "user-enabled"]);
}

#[tokio::test]
async fn a_stream_ends_with_the_server() {
    let hospital = Hospital::open().await;
    let (_, _, token) = auditor(&hospital).await;
    let mut live = stream(open(&hospital, &token, "?kind=policy-changed", None).await);
    let Hospital { server, .. } = hospital;
    let (ended, stopped) = tokio::join!(live.next(), server.stop());
    assert!(ended.is_none());
    stopped.unwrap();
}

#[tokio::test]
async fn a_stream_with_an_end_ends() {
    let hospital = Hospital::open().await;
    let (_, _, token) = auditor(&hospital).await;
    hospital.clock.advance(SignedDuration::from_hours(1));
    let query = "?kind=user-created&after=0&until=2026-03-01T08:30:00Z";
    let mut past = stream(open(&hospital, &token, query, None).await);
    assert_eq!(past.kinds(1).await, ["user-created"]);
    assert_eq!(past.kinds(1).await, ["user-created"]);
    assert!(past.next().await.is_none());
}

#[tokio::test]
async fn nobody_is_followed_live_and_only_auditors_follow() {
    let hospital = Hospital::open().await;
    let (administrator, id, token) = auditor(&hospital).await;
    let (_, staff) = hospital.person(&administrator, "bea", Role::Staff).await;
    let person = format!("?person={id}");
    let unknown = Some(10_000);
    for (token, query, last, status, code) in [
        (&token, person.as_str(), None, 403, "attendance-refused"),
        (&token, "?kind=nonsense", None, 400, "query-invalid"),
        (&token, "?limit=3", None, 400, "query-invalid"),
        (&token, "", unknown, 400, "query-invalid"),
        (&staff, "", None, 403, "role-insufficient"),
    ] {
        let refused = open(&hospital, token, query, last).await;
        let got = refused.status().as_u16();
        let problem: imp_api::Problem = refused.json().await.unwrap();
        assert_eq!((got, problem.code()), (status, code), "{query}");
    }
    // Failures of one person may be followed.
    let query = format!("{person}&kind=tap-refused");
    stream(open(&hospital, &token, &query, None).await);
}

#[tokio::test]
async fn weeks_of_everybodys_taps_are_not_to_be_had_by_resuming() {
    let hospital = Hospital::open().await;
    let mut administrator = hospital.first_administrator().await;
    // Tokens last for half a day.
    for name in ["ava", "aya", "ana"] {
        hospital.clock.advance(SignedDuration::from_hours(11));
        let (_, token) = hospital.person(&administrator, name, Role::Administrator).await;
        administrator = hospital.stranger().with_token(token);
    }
    let (_, token) = hospital.person(&administrator, "aud", Role::Auditor).await;
    let query = "?kind=tap-accepted,session-established";
    let refused = open(&hospital, &token, query, Some(0)).await;
    assert_eq!(refused.status().as_u16(), 403);
}
