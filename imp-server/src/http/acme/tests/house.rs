//! A server without a socket, and devices that answer on addresses of this host.
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use imp_identity::device::{Description, DeviceClass};
use imp_identity::{Actor, Clock, DeviceId, UserId};
use imp_pki::Key;
use imp_pki::acme::CertificateId;
use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use super::client::Client;
use crate::app::{self, App};
use crate::command;
use crate::config::Config;
use crate::http::router::router;

struct Hands(Mutex<Timestamp>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

pub(super) struct House {
    pub(super) app: App,
    router: Router,
    clock: Arc<Hands>,
    said: Arc<Mutex<String>>,
    _data: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub(super) fn header(&self, name: &str) -> String {
        let value = self.headers.get(name);
        value.unwrap_or_else(|| panic!("no {name}: {}", self.text)).to_str().unwrap().to_owned()
    }

    /// The code of a refusal. Each has a nonce for the next try.
    pub(super) fn problem(&self) -> String {
        assert!(self.status.is_client_error(), "{} {}", self.status, self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert!(!self.header("replay-nonce").is_empty());
        let code = self.json()["type"].as_str().unwrap().to_owned();
        code.strip_prefix("urn:ietf:params:acme:error:").unwrap().to_owned()
    }
}

/// A new key.
pub(super) fn key() -> Key {
    Key::generate().unwrap()
}

/// A certificate request for names and addresses.
pub(super) fn csr(key: &Key, names: &[&str]) -> Vec<u8> {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let pair = rcgen::KeyPair::try_from(key.pkcs8().expose().as_slice()).unwrap();
    params.serialize_request(&pair).unwrap().der().to_vec()
}

/// The certificates of a PEM file, in DER.
pub(super) fn certificates(pem: &str) -> Vec<Vec<u8>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(|it| it.unwrap().to_vec()).collect()
}

pub(super) fn certificate_id(der: &[u8]) -> String {
    CertificateId::of(der).unwrap().to_string()
}

impl House {
    /// Devices answer at 127.0.0.2 and 127.0.0.3; nobody at 127.0.0.4.
    pub(super) async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    pub(super) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let first = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let second = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 3), port)).await.unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        for listener in [first, second] {
            answer_by_http(listener, Arc::clone(&said));
        }
        let mut config = Config::at(data.path());
        config.storage.url = Some("sqlite::memory:".to_owned());
        config.limits.failures_per_minute = 1000;
        config.acme.networks = vec!["127.0.0.0/8".parse().unwrap()];
        config.acme.http_port = port;
        change(&mut config);
        let now = "2026-03-01T08:00:00Z".parse().unwrap();
        let clock = Arc::new(Hands(Mutex::new(now)));
        let app = App::open(config, clock.clone(), 8443).await.unwrap();
        Self { router: router(app.clone()), app, clock, said, _data: data }
    }

    pub(super) fn advance(&self, seconds: i64) {
        *self.clock.0.lock().unwrap() += SignedDuration::from_secs(seconds);
    }

    /// What devices answer to whatever they are asked by HTTP.
    pub(super) fn devices_say(&self, text: &str) {
        text.clone_into(&mut self.said.lock().unwrap());
    }

    pub(super) fn url(&self, path: &str) -> String {
        self.app.acme.url(path)
    }

    /// A device of the inventory.
    pub(super) async fn device(&self, name: &str, names: &[&str]) -> DeviceId {
        let description = Description {
            name: name.parse().unwrap(),
            class: DeviceClass::Server,
            manufacturer: Some("Acme Medical".parse().unwrap()),
            model: None,
            serial_number: Some(format!("SN-{name}").parse().unwrap()),
            udi: None,
            unit: None,
            location: None,
            zone: None,
            mds2: None,
            names: names.iter().map(|name| name.parse().unwrap()).collect(),
        };
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        let by = Actor::User(UserId::from_bytes([1; 16]));
        command::register_device(context, by, description).await.unwrap().id
    }

    /// A device of another maker, with a serial number and a UDI.
    pub(super) async fn device_of(&self, maker: &str, name: &str, serial: &str) -> DeviceId {
        let description = Description {
            name: name.parse().unwrap(),
            class: DeviceClass::Server,
            manufacturer: Some(maker.parse().unwrap()),
            model: None,
            serial_number: Some(serial.parse().unwrap()),
            udi: Some(format!("UDI-{name}").parse().unwrap()),
            unit: None,
            location: None,
            zone: None,
            mds2: None,
            names: vec![],
        };
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        let by = Actor::User(UserId::from_bytes([1; 16]));
        command::register_device(context, by, description).await.unwrap().id
    }

    /// Who makes keys that bind accounts.
    pub(super) fn maker() -> Actor {
        Actor::User(UserId::from_bytes([2; 16]))
    }

    /// A key that binds accounts: its identifier, and itself.
    pub(super) async fn binding(&self, devices: &[DeviceId], reusable: bool) -> (String, Vec<u8>) {
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        let how = (SignedDuration::from_hours(1), reusable);
        let sealer = &self.app.acme.sealer;
        let (by, devices) = (Self::maker(), devices.to_vec());
        let made = command::acme::add_acme_key(context, &by, sealer, devices, how).await.unwrap();
        let secret = data_encoding::BASE64URL_NOPAD.decode(made.key.expose().as_bytes());
        (made.id, secret.unwrap())
    }

    /// A client with an account for devices.
    pub(super) async fn client(&self, devices: &[DeviceId]) -> Client {
        let (id, secret) = self.binding(devices, false).await;
        let mut client = Client::new();
        let binding = client.binding(self, &id, &secret);
        let payload = serde_json::json!({"externalAccountBinding": binding});
        let registered = client.register(self, &payload).await;
        assert_eq!(registered.status, StatusCode::CREATED, "{}", registered.text);
        client
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn nonce(&self) -> String {
        let request = Request::head("/acme/new-nonce").body(Body::empty()).unwrap();
        let answer = self.send(request).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.header("replay-nonce")
    }

    pub(super) async fn post(&self, url: &str, body: String) -> Answer {
        let path = url.strip_prefix(&*self.app.issuer).unwrap_or(url);
        let request = Request::post(path).header("content-type", "application/jose+json");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// The kinds of all events, in order.
    pub(super) async fn events(&self) -> Vec<String> {
        let entries = command::events_page(&self.app.storage, 0, 500).await.unwrap();
        entries.into_iter().map(|entry| entry.kind).collect()
    }

    /// The refusals in the log: of which device, and the word.
    pub(super) async fn refusals(&self) -> Vec<(Option<String>, String)> {
        let entries = command::events_page(&self.app.storage, 0, 500).await.unwrap();
        let refused = entries.into_iter().filter(|it| it.kind == "device-enrolment-refused");
        let read = |record: String| {
            let record: Value = serde_json::from_str(&record).unwrap();
            let event = &record["event"];
            let found = |name: &str| find(event, name).and_then(Value::as_str).map(str::to_owned);
            (found("device"), found("reason").unwrap())
        };
        refused.map(|entry| read(entry.content.unwrap().record)).collect()
    }
}

/// A member, at whatever depth an event has it.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    members.get(name).or_else(|| members.values().find_map(|inner| find(inner, name)))
}

fn answer_by_http(listener: TcpListener, said: Arc<Mutex<String>>) {
    #[expect(clippy::disallowed_methods, reason = "a device goes on while the server looks")]
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 2048];
            let _length = stream.read(&mut asked).await;
            let body = said.lock().unwrap().clone();
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            let _sent = stream.write_all((head + &body).as_bytes()).await;
        }
    });
}
