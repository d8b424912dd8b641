//! Streams of events to other systems, as receivers and administrators see them.
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode as Status;
use imp_api::stream::{AdmitReceiver, CreateStream, ReceiverAdmitted, StreamCreated};
use imp_authenticator::tls::first_meeting;
use imp_events::Set;
use imp_identity::Secret;
use imp_identity::event::Delivery;
use imp_identity::user::Role;
use jiff::SignedDuration;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::hospital::{Hospital, user};

/// Speaks HTTP to the server with a bearer token.
struct Caller {
    http: reqwest::Client,
    url: String,
    token: Secret<String>,
}

impl Caller {
    fn new(hospital: &Hospital, token: &Secret<String>) -> Self {
        let tls = first_meeting(hospital.server.ca(), hospital.clock.clone()).unwrap();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap();
        Self { http, url: hospital.server.url().to_owned(), token: token.clone() }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = self.http.request(method.clone(), format!("{}{path}", self.url));
        let request = request.bearer_auth(self.token.expose());
        let request = if method == Method::GET || method == Method::DELETE {
            request
        } else {
            request.json(&body)
        };
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, body) = self.ask(Method::POST, path, body).await;
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }
}

/// Whoever administers, her client, and a receiver with its token.
struct House {
    hospital: Hospital,
    administrator: imp_api::Client,
    /// With an administrator's token.
    desk: Caller,
    receiver: Caller,
}

impl House {
    async fn open() -> Self {
        let hospital = Hospital::open().await;
        let administrator = hospital.first_administrator().await;
        let (_, token) = hospital.person(&administrator, "root", Role::Administrator).await;
        let desk = Caller::new(&hospital, &token);
        let admitted = admit(&desk, "SIEM", &[]).await;
        let receiver = Caller::new(&hospital, &admitted.token);
        Self { hospital, administrator, desk, receiver }
    }

    /// Something happens.
    async fn create_user(&self, name: &str) {
        self.administrator.create_user(&user(name, Role::Staff)).await.unwrap();
    }

    async fn keys(&self) -> DecodingKey {
        let keys: JwkSet = serde_json::from_value(self.receiver.get("/jwks.json").await).unwrap();
        DecodingKey::from_jwk(&keys.keys[0]).unwrap()
    }
}

async fn admit(desk: &Caller, name: &str, kinds: &[&str]) -> ReceiverAdmitted {
    let body = AdmitReceiver {
        name: name.parse().unwrap(),
        audience: Some("https://siem.example".to_owned()),
        kinds: kinds.iter().map(ToString::to_string).collect(),
    };
    let body = serde_json::to_value(&body).unwrap();
    serde_json::from_value(desk.post("/v1/receivers", body).await).unwrap()
}

fn stream(name: &str, delivery: Delivery) -> CreateStream {
    CreateStream {
        name: name.parse().unwrap(),
        delivery,
        endpoint: None,
        authorization: None,
        secret: None,
        receiver: None,
        nats: None,
        syslog: None,
        ca: None,
        certificate: None,
        key: None,
        kinds: vec!["user-created".to_owned(), "user-disabled".to_owned()],
        form: None,
        audience: Some("https://siem.example".to_owned()),
        from: None,
    }
}

const CREATED: &str = "urn:imp:event:user-created";

/// A stream of new users, for the receiver to poll: where.
async fn poll_stream(house: &House) -> (String, String) {
    let wanted = json!({ "events_requested": [CREATED], "description": "for the SIEM" });
    let made = house.receiver.post("/ssf/streams", wanted).await;
    assert_eq!(made["delivery"]["method"], "urn:ietf:rfc:8936");
    let url = made["delivery"]["endpoint_url"].as_str().unwrap();
    let path = url.strip_prefix(house.hospital.server.url()).unwrap().to_owned();
    (made["stream_id"].as_str().unwrap().to_owned(), path)
}

/// The tokens in an answer, in the order of the log, with their `jti`.
async fn sets(house: &House, answer: &Value) -> Vec<(String, Set)> {
    let keys = house.keys().await;
    let url = house.hospital.server.url();
    let mut sets: Vec<_> = answer["sets"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(jti, token)| {
            let set = Set::verify(token.as_str().unwrap(), &keys, url, "https://siem.example");
            let set = set.unwrap();
            assert_eq!(&set.jti, jti);
            (jti.clone(), set)
        })
        .collect();
    sets.sort_by_key(|(_, set)| set.log.index);
    sets
}

/// The usernames of new users in an answer.
async fn names(house: &House, answer: &Value) -> Vec<String> {
    let sets = sets(house, answer).await;
    sets.iter()
        .map(|(_, set)| set.events[CREATED]["username"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_receiver_finds_its_way_from_the_well_known_address() {
    let house = House::open().await;
    let url = house.hospital.server.url();
    let found = house.receiver.get("/.well-known/ssf-configuration").await;
    assert_eq!(found["issuer"], url);
    assert_eq!(found["default_subjects"], "ALL");
    assert_eq!(found.get("add_subject_endpoint"), None);
    for (member, path) in [
        ("configuration_endpoint", "/ssf/streams"),
        ("status_endpoint", "/ssf/status"),
        ("verification_endpoint", "/ssf/verify"),
        ("jwks_uri", "/jwks.json"),
    ] {
        assert_eq!(found[member], format!("{url}{path}"));
    }
    // A person's token is not a receiver's, and the reverse.
    let (status, _) = house.desk.ask(Method::GET, "/ssf/streams", Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, _) = house.receiver.ask(Method::GET, "/v1/streams", Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tokens_are_polled_and_acknowledged_as_rfc_8936_says() {
    let house = House::open().await;
    let (_, path) = poll_stream(&house).await;
    for name in ["ann", "bea", "cleo"] {
        house.create_user(name).await;
    }
    // §2.4.1: a number, and at once.
    let two = json!({ "maxEvents": 2, "returnImmediately": true });
    let answer = house.receiver.post(&path, two.clone()).await;
    assert_eq!(names(&house, &answer).await, ["ann", "bea"]);
    assert_eq!(answer["moreAvailable"], true);
    // What is not acknowledged comes again.
    assert_eq!(names(&house, &house.receiver.post(&path, two).await).await, ["ann", "bea"]);
    // §2.4.2: acknowledge only. The second first: order is the receiver's.
    let jti = sets(&house, &answer).await[1].0.clone();
    let answer = house.receiver.post(&path, json!({ "ack": [jti], "maxEvents": 0 })).await;
    assert_eq!(answer, json!({ "sets": {}, "moreAvailable": true }));
    // §2.4.3: poll with acknowledgement.
    let answer = house.receiver.post(&path, json!({ "returnImmediately": true })).await;
    assert_eq!(names(&house, &answer).await, ["ann", "cleo"]);
    let sets = sets(&house, &answer).await;
    let rest = json!({
        "ack": [sets[0].0],
        // §2.4.4: with an error.
        "setErrs": { &sets[1].0: { "err": "invalid_request", "description": "not for us" } },
        "returnImmediately": true,
    });
    let answer = house.receiver.post(&path, rest.clone()).await;
    assert_eq!(answer, json!({ "sets": {}, "moreAvailable": false }));
    // Said again, as after a lost answer, it changes nothing.
    assert_eq!(house.receiver.post(&path, rest).await, answer);
    let streams = house.desk.get("/v1/streams").await;
    assert_eq!(streams[0]["set_aside"], 1);
    assert_eq!(streams[0]["receiver"].as_str().map(str::len), Some(36));
}

#[tokio::test]
async fn a_long_poll_ends_with_the_event_that_it_waits_for() {
    let house = House::open().await;
    let (_, path) = poll_stream(&house).await;
    let waiting = house.receiver.post(&path, json!({}));
    let (answer, ()) = tokio::join!(waiting, house.create_user("ann"));
    assert_eq!(names(&house, &answer).await, ["ann"]);
}

#[tokio::test]
async fn a_paused_stream_keeps_its_place_and_a_disabled_one_does_not() {
    let house = House::open().await;
    let (id, path) = poll_stream(&house).await;
    let now = json!({ "returnImmediately": true });
    let set = async |status: &str| {
        let body = json!({ "stream_id": id, "status": status, "reason": "moving house" });
        let answer = house.receiver.post("/ssf/status", body.clone()).await;
        assert_eq!(answer, body);
        let read = house.receiver.get(&format!("/ssf/status?stream_id={id}")).await;
        assert_eq!(read, body);
    };
    set("paused").await;
    house.create_user("ann").await;
    assert!(names(&house, &house.receiver.post(&path, now.clone()).await).await.is_empty());
    set("enabled").await;
    assert_eq!(names(&house, &house.receiver.post(&path, now.clone()).await).await, ["ann"]);
    set("disabled").await;
    house.create_user("bea").await;
    set("enabled").await;
    house.create_user("cleo").await;
    assert_eq!(names(&house, &house.receiver.post(&path, now).await).await, ["cleo"]);
}

#[tokio::test]
async fn a_verification_comes_back_with_its_state() {
    let house = House::open().await;
    let (id, path) = poll_stream(&house).await;
    let verify = json!({ "stream_id": id, "state": "VGhpcyBpcyBhbiBleGFtcGxl" });
    let (status, _) = house.receiver.ask(Method::POST, "/ssf/verify", verify.clone()).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = house.receiver.ask(Method::POST, "/ssf/verify", verify).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let answer = house.receiver.post(&path, json!({ "returnImmediately": true })).await;
    let (jti, token) = answer["sets"].as_object().unwrap().iter().next().unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    rules.set_audience(&["https://siem.example"]);
    rules.set_required_spec_claims(&["aud"]);
    rules.validate_exp = false;
    let keys = house.keys().await;
    let token = jsonwebtoken::decode::<Value>(token.as_str().unwrap(), &keys, &rules).unwrap();
    let uri = "https://schemas.openid.net/secevent/ssf/event-type/verification";
    assert_eq!(token.claims["events"][uri]["state"], "VGhpcyBpcyBhbiBleGFtcGxl");
    assert_eq!(token.claims["sub_id"], json!({ "format": "opaque", "id": id }));
    let answer =
        house.receiver.post(&path, json!({ "ack": [jti], "returnImmediately": true })).await;
    assert_eq!(answer["sets"], json!({}));
}

#[tokio::test]
async fn a_receiver_manages_its_own_streams_and_nobody_elses() {
    let house = House::open().await;
    let (id, path) = poll_stream(&house).await;
    let other = admit(&house.desk, "Other", &["user-disabled"]).await;
    let other = Caller::new(&house.hospital, &other.token);
    assert_eq!(other.get("/ssf/streams").await, json!([]));
    for (method, path, body) in [
        (Method::GET, format!("/ssf/streams?stream_id={id}"), Value::Null),
        (Method::GET, format!("/ssf/status?stream_id={id}"), Value::Null),
        (Method::DELETE, format!("/ssf/streams?stream_id={id}"), Value::Null),
        (Method::PATCH, "/ssf/streams".to_owned(), json!({ "stream_id": id })),
        (Method::POST, "/ssf/verify".to_owned(), json!({ "stream_id": id })),
        (Method::POST, "/ssf/status".to_owned(), json!({ "stream_id": id, "status": "paused" })),
        (Method::POST, path.clone(), json!({ "returnImmediately": true })),
    ] {
        let (status, _) = other.ask(method, &path, body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    // Nor does it get more than it may have.
    let made = other.post("/ssf/streams", json!({})).await;
    let disabled = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
    assert_eq!(made["events_delivered"], json!([disabled]));
    assert_eq!(made["events_supported"], json!([disabled]));
    let (status, _) =
        other.ask(Method::POST, "/ssf/streams", json!({ "events_requested": [CREATED] })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    // And its endpoint is not on the server's own loopback.
    let local = json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": "http://127.0.0.1:1/" });
    let (status, _) = other.ask(Method::POST, "/ssf/streams", json!({ "delivery": local })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);

    // Update keeps what is not named; replacement does not.
    let (_, updated) = house
        .receiver
        .ask(
            Method::PATCH,
            "/ssf/streams",
            json!({ "stream_id": id, "events_requested": [disabled] }),
        )
        .await;
    assert_eq!(updated["events_delivered"], json!([disabled]));
    assert_eq!(updated["description"], "for the SIEM");
    let delivery = json!({ "method": "urn:ietf:rfc:8936" });
    let replacement =
        json!({ "stream_id": id, "events_requested": [CREATED], "delivery": delivery });
    let (status, replaced) = house.receiver.ask(Method::PUT, "/ssf/streams", replacement).await;
    assert_eq!(status, StatusCode::OK, "{replaced}");
    assert_eq!(replaced.get("description"), None);
    let read = house.receiver.get(&format!("/ssf/streams?stream_id={id}")).await;
    assert_eq!(read, replaced);
    let (status, _) = house
        .receiver
        .ask(Method::DELETE, &format!("/ssf/streams?stream_id={id}"), Value::Null)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(house.receiver.get("/ssf/streams").await, json!([]));
}

/// A receiver of posts on loopback, which answers what `answers` says.
async fn listen(answers: Status) -> (String, Arc<Mutex<Status>>, mpsc::UnboundedReceiver<String>) {
    type Seen = (Arc<Mutex<Status>>, mpsc::UnboundedSender<String>);
    async fn take(State((status, seen)): State<Seen>, body: String) -> Status {
        let status = *status.lock().unwrap();
        seen.send(body).unwrap();
        status
    }
    let status = Arc::new(Mutex::new(answers));
    let (sender, posted) = mpsc::unbounded_channel();
    let router = Router::new().fallback(take).with_state((Arc::clone(&status), sender));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a receiver that ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}/events"), status, posted)
}

#[tokio::test]
async fn a_receiver_that_was_down_catches_up_in_order() {
    let house = House::open().await;
    let (endpoint, answers, mut posted) = listen(Status::SERVICE_UNAVAILABLE).await;
    let body = CreateStream { endpoint: Some(endpoint), ..stream("Push", Delivery::Push) };
    let made = house.desk.post("/v1/streams", serde_json::to_value(&body).unwrap()).await;
    let made: StreamCreated = serde_json::from_value(made).unwrap();
    house.create_user("ann").await;
    posted.recv().await.unwrap();
    // Down for half a day: people go on.
    for name in ["bea", "cleo"] {
        house.create_user(name).await;
    }
    *answers.lock().unwrap() = Status::ACCEPTED;
    house.hospital.clock.advance(SignedDuration::from_hours(11));
    let keys = house.keys().await;
    let url = house.hospital.server.url();
    let mut got = vec![];
    while got.len() < 3 {
        let token = posted.recv().await.unwrap();
        let set = Set::verify(&token, &keys, url, "https://siem.example").unwrap();
        let name = set.events[CREATED]["username"].as_str().unwrap().to_owned();
        if got.last() != Some(&name) {
            got.push(name);
        }
    }
    assert_eq!(got, ["ann", "bea", "cleo"]);
    // Delivered again from a place that an administrator names.
    let path = format!("/v1/streams/{}/replay", made.stream);
    house.desk.post(&path, json!({ "from": 0 })).await;
    let first = Set::verify(&posted.recv().await.unwrap(), &keys, url, "https://siem.example");
    assert_eq!(first.unwrap().events[CREATED]["username"], "ada");
}

#[tokio::test]
async fn what_a_receiver_refuses_is_set_aside_with_an_alarm_and_the_rest_goes_on() {
    let house = House::open().await;
    let (endpoint, answers, mut posted) = listen(Status::UNPROCESSABLE_ENTITY).await;
    // Every type: also that an event was set aside.
    let body = CreateStream {
        endpoint: Some(endpoint),
        kinds: vec![],
        audience: None,
        ..stream("Hook", Delivery::Webhook)
    };
    let made = house.desk.post("/v1/streams", serde_json::to_value(&body).unwrap()).await;
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    // That the stream was made is the first event on it.
    let refused: Value = serde_json::from_str(&posted.recv().await.unwrap()).unwrap();
    assert_eq!(refused["type"], "stream-created");
    *answers.lock().unwrap() = Status::NO_CONTENT;
    house.create_user("ann").await;
    let mut kinds = vec![];
    while !kinds.contains(&"user-created".to_owned()) {
        let body: Value = serde_json::from_str(&posted.recv().await.unwrap()).unwrap();
        kinds.push(body["type"].as_str().unwrap().to_owned());
    }
    assert!(!kinds.contains(&"event-set-aside".to_owned()), "{kinds:?}");
    let streams = house.desk.get("/v1/streams").await;
    assert_eq!(streams[0]["set_aside"], 1);
    assert!(!streams.to_string().contains("whsec_"), "secrets are not shown again");
}

#[tokio::test]
async fn what_cannot_be_a_stream_is_refused_with_a_reason() {
    let house = House::open().await;
    let push = || stream("S", Delivery::Push);
    let endpoint = Some("https://siem.example/".to_owned());
    for (body, reason) in [
        (push(), "a push stream needs `endpoint`"),
        (
            CreateStream { endpoint: Some("http://siem.example/".to_owned()), ..push() },
            "not an address to deliver to",
        ),
        (
            CreateStream {
                endpoint: endpoint.clone(),
                secret: Some("whsec_".to_owned().into()),
                ..push()
            },
            "a push stream has no `secret`",
        ),
        (
            CreateStream { endpoint: endpoint.clone(), form: Some("cef".to_owned()), ..push() },
            "push cannot carry the form cef",
        ),
        (
            CreateStream { endpoint: endpoint.clone(), ca: Some("x".to_owned()), ..push() },
            "the target cannot be used",
        ),
        (
            CreateStream { endpoint: endpoint.clone(), kinds: vec!["lunch".to_owned()], ..push() },
            "there is no type of event named `lunch`",
        ),
        (CreateStream { endpoint, from: Some(1 << 40), ..push() }, "the log has"),
        (stream("S", Delivery::Poll), "needs a receiver"),
    ] {
        let body = serde_json::to_value(&body).unwrap();
        let (status, problem) = house.desk.ask(Method::POST, "/v1/streams", body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        let title = problem["title"].as_str().unwrap();
        assert!(title.contains(reason), "{title}");
    }
    let (status, _) = house.desk.ask(Method::GET, "/v1/streams", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
}

#[test]
fn an_operator_manages_streams_and_receivers_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let imp = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_imp-server"));
        command.arg("--data").arg(folder.path().join("data")).args(arguments);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let wrong = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {said}{wrong}");
        said
    };
    let admitted = imp(&["receiver", "add", "Portal", "--kinds", "session-revoked"]);
    let token = admitted.lines().last().unwrap().to_owned();
    assert_eq!(token.len(), 43, "{admitted}");
    assert!(!imp(&["receiver", "list", "--json"]).contains(&token));
    let made = imp(&[
        "stream",
        "add",
        "poll",
        "Portal",
        "--receiver",
        "Portal",
        "--kinds",
        "session-revoked",
    ]);
    assert!(made.contains("/ssf/poll/"), "{made}");
    // Whatever certificate will do: nobody is called.
    let ca = folder.path().join("data/keys/root.pem");
    let ca = ca.to_str().unwrap();
    let made = imp(&["stream", "add", "webhook", "Pager", "https://pager.example/imp", "--ca", ca]);
    let secret = made.lines().last().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"), "{made}");
    imp(&["stream", "add", "syslog", "SIEM", "siem.example", "--ca", ca]);
    imp(&["stream", "add", "nats", "Bus", "tls://nats.example:4222", "--create", "--ca", ca]);
    imp(&["stream", "pause", "Pager", "--reason", "moving house"]);
    imp(&["stream", "replay", "Pager", "0"]);
    let listed = imp(&["stream", "list"]);
    assert_eq!(listed.lines().count(), 4, "{listed}");
    let pager = listed.lines().find(|line| line.starts_with("Pager")).unwrap();
    assert!(pager.contains("paused") && pager.contains("https://pager.example "), "{pager}");
    assert!(!listed.contains(&secret));
    imp(&["stream", "resume", "Pager"]);
    imp(&["stream", "remove", "Bus"]);
    imp(&["receiver", "remove", "Portal"]);
    let left = imp(&["stream", "list", "--json"]);
    let left: Vec<Value> = left.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = left.iter().map(|stream| stream["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Pager", "SIEM"]);
    let events = imp(&["events", "--json"]);
    for kind in ["receiver-admitted", "stream-created", "stream-changed", "stream-deleted"] {
        assert!(events.contains(kind), "{kind}");
    }
    assert!(!events.contains(&token) && !events.contains(&secret));
}
