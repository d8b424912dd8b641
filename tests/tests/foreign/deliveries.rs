//! Deliveries of a running server, received by other people's programs: `PyJWT`, `standardwebhooks`, aiosmtpd, `nats-server`
//! and `rsyslogd`.
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use imp_api::Client;
use imp_api::admin::{CreateUser, SignIn};
use imp_authenticator::tls::first_meeting;
use imp_delivery::{Encryption, Message, Messenger as _, Recipient, SendError, Smtp, SmtpSettings};
use imp_identity::clock::SystemClock;
use imp_identity::user::Role;
use imp_server::{Config, Server};
use imp_tests::process::{POLL, Running};
use imp_tests::python;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server, and its administrator.
struct House {
    server: Server,
    http: reqwest::Client,
    administrator: Client,
    token: String,
    folder: TempDir,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let config = Config::at(&folder.path().join("data"));
        let server = Server::start(config, clock.clone()).await.unwrap();
        let tls = || first_meeting(server.ca(), clock.clone()).unwrap();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls()).no_proxy();
        let code = server.administrator_code().unwrap().clone();
        let first_administrator = Some(person("ada", Role::Administrator));
        let client = Client::new(server.url(), tls()).unwrap();
        let signed_in = client.sign_in(&SignIn { code, first_administrator }).await.unwrap();
        let token = signed_in.token.expose().clone();
        let administrator = client.with_token(signed_in.token);
        Self { http: http.build().unwrap(), server, administrator, token, folder }
    }

    async fn ask(&self, path: &str, token: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.server.url());
        let request = match body {
            Some(body) => self.http.post(url).json(&body),
            None => self.http.get(url),
        };
        let answer = request.bearer_auth(token).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// Makes a stream as an administrator; answers what is said of it.
    async fn stream(&self, body: Value) -> Value {
        self.ask("/v1/streams", &self.token, Some(body)).await
    }

    async fn create_user(&self, name: &str) {
        self.administrator.create_user(&person(name, Role::Staff)).await.unwrap();
    }

    /// Waits until the stream has delivered everything.
    async fn delivered(&self, name: &str) {
        loop {
            let streams = self.ask("/v1/streams", &self.token, None).await;
            let streams = streams.as_array().unwrap().clone();
            let stream = streams.into_iter().find(|stream| stream["name"] == name).unwrap();
            assert_eq!(stream["last_error"], Value::Null, "{stream}");
            if stream["behind"] == 0 {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn settings(&self, audience: &str, secret: &str) -> Value {
        let jwks = self.ask("/jwks.json", &self.token, None).await;
        json!({ "jwks": jwks, "issuer": self.server.url(), "audience": audience, "secret": secret })
    }
}

fn person(name: &str, role: Role) -> CreateUser {
    let (username, display_name) = (name.to_owned(), name.to_uppercase());
    CreateUser { username, display_name, role: Some(role), unit: None, email: None }
}

/// Starts a Python program that says its port first.
fn start(script: &str, arguments: &[&Path]) -> (Running, u16) {
    let mut command = python::command().unwrap();
    command.arg(format!("tests/foreign/{script}")).args(arguments);
    let running = Running::start(script, &mut command).unwrap();
    let port = running.line(|line| line.trim().parse().ok()).unwrap();
    (running, port)
}

/// The next line of JSON.
fn heard(running: &Running) -> Value {
    running.line(|line| serde_json::from_str::<Value>(line).ok().filter(Value::is_object)).unwrap()
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test(flavor = "multi_thread")]
async fn pushed_tokens_and_signed_posts_hold_for_foreign_libraries() {
    let house = House::open().await;
    let settings = house.folder.path().join("settings.json");
    let text = house.settings("https://siem.example", SECRET).await.to_string();
    std::fs::write(&settings, text).unwrap();
    let (receiver, port) = start("receiver.py", &[&settings]);
    let url = |path: &str| format!("http://127.0.0.1:{port}/{path}");
    house.stream(json!({
        "name": "push", "delivery": "push", "endpoint": url("set"), "audience": "https://siem.example",
        "kinds": ["user-created"],
    })).await;
    house.create_user("bea").await;
    let set = heard(&receiver);
    assert_eq!(set["holds"], true, "{set}");
    let event = &set["read"]["events"]["urn:imp:event:user-created"];
    assert_eq!(
        (&event["username"], &set["read"]["aud"]),
        (&json!("bea"), &json!("https://siem.example"))
    );
    house
        .stream(json!({
            "name": "hook", "delivery": "webhook", "endpoint": url("hook"), "secret": SECRET,
            "kinds": ["user-disabled"],
        }))
        .await;
    let cleo = house.administrator.create_user(&person("cleo", Role::Staff)).await.unwrap();
    assert_eq!(heard(&receiver)["path"], "/set");
    house.administrator.disable_user(cleo.id).await.unwrap();
    let request = heard(&receiver);
    assert_eq!((&request["path"], &request["holds"]), (&json!("/hook"), &json!(true)), "{request}");
    assert_eq!(request["read"]["type"], "user-disabled");
    // The receiver does notice what does not hold: for another audience, or with another secret.
    house.stream(json!({
        "name": "other", "delivery": "push", "endpoint": url("set"), "audience": "https://other.example",
        "kinds": ["user-enabled"],
    })).await;
    house.administrator.enable_user(cleo.id).await.unwrap();
    let refused = heard(&receiver);
    assert_eq!(refused["holds"], false);
    assert!(refused["why"].as_str().unwrap().contains("InvalidAudience"), "{refused}");
    loop {
        let streams = house.ask("/v1/streams", &house.token, None).await;
        let mut streams = streams.as_array().unwrap().iter();
        let other = streams.find(|stream| stream["name"] == "other").unwrap();
        if other["set_aside"] == 1 {
            break;
        }
        tokio::time::sleep(POLL).await;
    }
    house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn polled_tokens_hold_for_a_foreign_library_until_a_byte_is_changed() {
    let house = House::open().await;
    let body = json!({ "name": "SIEM", "audience": "https://siem.example" });
    let admitted = house.ask("/v1/receivers", &house.token, Some(body)).await;
    let token = admitted["token"].as_str().unwrap().to_owned();
    let made = house.ask("/ssf/streams", &token, Some(json!({}))).await;
    let path = made["delivery"]["endpoint_url"].as_str().unwrap();
    let path = path.strip_prefix(house.server.url()).unwrap().to_owned();
    for name in ["bea", "cleo"] {
        house.create_user(name).await;
    }
    let polled = house.ask(&path, &token, Some(json!({ "returnImmediately": true }))).await;
    let mut document = house.settings("https://siem.example", SECRET).await;
    document["sets"] = polled["sets"].clone();
    let verdict = python::script("tokens.py", &[], document.to_string().as_bytes()).unwrap();
    assert!(verdict.accepted, "{}", verdict.said);
    assert_eq!(verdict.said.matches("urn:imp:event:user-created").count(), 2);
    let (jti, set) = document["sets"].as_object().unwrap().iter().next().unwrap();
    // The first character of the claims after `{"`.
    let (jti, mut set) = (jti.clone(), set.as_str().unwrap().to_owned());
    let claims = set.find('.').unwrap() + 4;
    let other = if set.as_bytes()[claims] == b'A' { "B" } else { "A" };
    set.replace_range(claims..=claims, other);
    document["sets"][&jti] = json!(set);
    let verdict = python::script("tokens.py", &[], document.to_string().as_bytes()).unwrap();
    assert!(!verdict.accepted, "{}", verdict.said);
    house.server.stop().await.unwrap();
}

/// A certificate authority, and a certificate of `127.0.0.1`, as files `ca`, `certificate` and `key`.
fn certificates(folder: &Path) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();
    for (name, text) in
        [("ca", ca.pem()), ("certificate", certificate.pem()), ("key", key.serialize_pem())]
    {
        std::fs::write(folder.join(name), text).unwrap();
    }
    ca.pem()
}

/// Waits until the file says it.
async fn read<T>(path: &Path, wanted: impl Fn(&str) -> Option<T>) -> T {
    for _ in 0..2400 {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if let Some(found) = wanted(&text) {
            return found;
        }
        tokio::time::sleep(POLL).await;
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    panic!("{} never says it: {text}", path.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_messages_arrive_in_rsyslogs_file() {
    let house = House::open().await;
    let folder = house.folder.path();
    let ca = certificates(folder);
    let at = folder.display();
    let config = format!(
        r#"global(workDirectory="{at}" maxMessageSize="64k" DefaultNetstreamDriver="gtls"
  DefaultNetstreamDriverCAFile="{at}/ca" DefaultNetstreamDriverCertFile="{at}/certificate"
  DefaultNetstreamDriverKeyFile="{at}/key")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="{at}/port")
template(name="content" type="string" string="%pri%|%app-name%|%msg%\n")
action(type="omfile" file="{at}/received" template="content" flushOnTXEnd="on")
"#
    );
    std::fs::write(folder.join("conf"), config).unwrap();
    let mut command = Command::new("rsyslogd");
    command.arg("-n").arg("-f").arg(folder.join("conf")).arg("-i").arg(folder.join("pid"));
    let _receiver = Running::start("rsyslogd", &mut command).unwrap();
    let port: u16 = read(&folder.join("port"), |text| text.trim().parse().ok()).await;
    let syslog = json!({ "server": "127.0.0.1", "port": port });
    let kinds = ["user-created"];
    for (name, form) in [("atna", "atna"), ("cef", "cef")] {
        house.stream(json!({
            "name": name, "delivery": "syslog", "form": form, "syslog": syslog, "ca": ca, "kinds": kinds,
        })).await;
    }
    for name in ["bea", "cleo"] {
        house.create_user(name).await;
    }
    let wanted = |text: &str| (text.lines().count() == 4).then(|| text.to_owned());
    let received = read(&folder.join("received"), wanted).await;
    let count = |part: &str| received.lines().filter(|line| line.contains(part)).count();
    assert_eq!((count("<AuditMessage"), count("CEF:")), (2, 2), "{received}");
    house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_again_stands_in_nats_once() {
    let house = House::open().await;
    let folder = house.folder.path();
    let mut command = Command::new("nats-server");
    command.args(["--addr", "127.0.0.1", "--port", "-1", "--http_port", "-1", "--jetstream"]);
    command.arg("--store_dir").arg(folder.join("nats")).arg("--ports_file_dir").arg(folder);
    let server = Running::start("nats-server", command.stderr(Stdio::null())).unwrap();
    let ports = folder.join(format!("nats-server_{}.ports", server.pid()));
    let ports: Value = read(&ports, |text| serde_json::from_str(text).ok()).await;
    let monitor = format!("{}/jsz?streams=true", ports["monitoring"][0].as_str().unwrap());
    let nats = json!({ "servers": [ports["nats"][0]], "create": true });
    let made = house
        .stream(json!({
            "name": "bus", "delivery": "nats", "nats": nats, "kinds": ["user-created"], "from": 0,
        }))
        .await;
    for name in ["bea", "cleo"] {
        house.create_user(name).await;
    }
    let messages = async || {
        house.delivered("bus").await;
        let text = house.http.get(&monitor).send().await.unwrap().text().await.unwrap();
        let found: Value = serde_json::from_str(&text).unwrap();
        found["account_details"][0]["stream_detail"][0]["state"]["messages"].clone()
    };
    while messages().await != json!(3) {
        tokio::time::sleep(POLL).await;
    }
    let path = format!("/v1/streams/{}/replay", made["stream"].as_str().unwrap());
    house.ask(&path, &house.token, Some(json!({ "from": 0 }))).await;
    house.create_user("dora").await;
    while messages().await != json!(4) {
        assert!(messages().await.as_u64() < Some(5), "{}", messages().await);
        tokio::time::sleep(POLL).await;
    }
    house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_handed_to_a_foreign_server_over_starttls_and_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let ca = certificates(folder.path());
    let file = |name| folder.path().join(name);
    let (server, port) = start("mail.py", &[&file("certificate"), &file("key")]);
    let settings = SmtpSettings {
        server: "127.0.0.1".to_owned(),
        port,
        encryption: Encryption::StartTls,
        username: Some("imp".to_owned()),
        password: Some("s3cret".to_owned().into()),
        ca: Some(ca),
        from: "imp@hospital.example".parse().unwrap(),
        from_name: Some("Jäger Hospital".to_owned()),
    };
    let message = |address: &str| Message {
        id: "notice-1".to_owned(),
        written_at: "2026-11-22T06:00:00Z".parse().unwrap(),
        to: Recipient { address: address.parse().unwrap(), name: Some("Bea B.".to_owned()) },
        subject: "What was done in your name – today".to_owned(),
        text: "You tapped in at Ward 3.\n.\nWas it you?\n".to_owned(),
    };
    let smtp = Smtp::new(&settings).unwrap();
    smtp.send(&message("bea@hospital.example")).await.unwrap();
    let heard = heard(&server);
    assert_eq!(heard["envelope_to"], json!(["bea@hospital.example"]));
    assert_eq!(heard["subject"], "What was done in your name – today");
    assert_eq!(heard["message-id"], "<notice-1@hospital.example>");
    assert_eq!(heard["auto-submitted"], "auto-generated");
    assert_eq!(heard["date"], "Sun, 22 Nov 2026 06:00:00 +0000");
    assert_eq!(heard["tls"], true);
    let text = heard["text"].as_str().unwrap().replace("\r\n", "\n");
    assert_eq!(text.trim_end(), "You tapped in at Ward 3.\n.\nWas it you?");

    let refused = smtp.send(&message("nobody@hospital.example")).await.unwrap_err();
    assert!(matches!(refused, SendError::Refused { code: 550 }), "{refused}");
    let said = format!("{refused:?}");
    assert!(!said.contains("nobody"), "{said}");
    let later = smtp.send(&message("later@hospital.example")).await.unwrap_err();
    assert!(later.is_temporary(), "{later}");
    let stranger = SmtpSettings { ca: None, ..settings.clone() };
    let unproven = Smtp::new(&stranger).unwrap().send(&message("bea@hospital.example")).await;
    assert!(unproven.unwrap_err().is_temporary());
    let wrong = SmtpSettings { password: Some("guess".to_owned().into()), ..settings };
    let refused = Smtp::new(&wrong).unwrap().send(&message("bea@hospital.example")).await;
    assert!(matches!(refused.unwrap_err(), SendError::Refused { code: 535 }));
}
