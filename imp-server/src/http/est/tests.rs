use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use data_encoding::BASE64;
use imp_authenticator::Peer;
use imp_authenticator::tls::Manufactured;
use imp_identity::clock::SystemClock;
use imp_identity::device::{Description, Device, DeviceClass};
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{Actor, Event, PhoneId, UserId};
use jiff::SignedDuration;
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, SanType};
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::*;
use crate::app;
use crate::command::{self, DeviceChange};
use crate::config::Config;
use crate::store::Tables as _;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A server's EST routes and its inventory.
struct House {
    app: App,
    _folder: TempDir,
}

/// What a device got.
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl House {
    async fn open(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::at(&folder.path().join("data"));
        change(&mut config);
        let app = App::open(config, Arc::new(SystemClock), 8443).await.unwrap();
        Self { app, _folder: folder }
    }

    async fn device(&self, name: &str, class: DeviceClass) -> Device {
        let description = Description {
            name: name.parse().unwrap(),
            class,
            manufacturer: Some("Acme".parse().unwrap()),
            model: None,
            serial_number: Some(name.parse().unwrap()),
            udi: None,
            unit: None,
            location: None,
            zone: None,
            mds2: None,
            names: vec![format!("{name}.example").parse().unwrap()],
        };
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        command::register_device(context, Actor::Server, description).await.unwrap()
    }

    /// The credential of a device by a new one-time code.
    async fn code(&self, device: &Device) -> String {
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        let invited = command::invite_device(context, Actor::Server, device.id, DAY).await;
        format!("{}:{}", device.id, invited.unwrap().code.expose())
    }

    async fn ask(&self, path: &str, asked: Asks<'_>) -> Got {
        let method = if asked.body.is_some() { "POST" } else { "GET" };
        let uri = format!("{}/{path}", est::ROOT);
        let mut request = Request::builder().method(method).uri(uri);
        request = request.header("content-type", PKCS10);
        if let Some(credential) = asked.credential {
            let credential = BASE64.encode(credential.as_bytes());
            request = request.header("authorization", format!("Basic {credential}"));
        }
        let body = asked.body.map_or_else(Body::empty, |der| Body::from(est::encode(der)));
        let mut request = request.body(body).unwrap();
        if let Some(peer) = asked.peer {
            request.extensions_mut().insert(peer);
        }
        let response = router(self.app.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Got { status: parts.status, headers: parts.headers, body }
    }

    /// The certificate that a device gets by a code.
    async fn enrolled(&self, device: &Device, key: &KeyPair) -> Vec<u8> {
        let credential = self.code(device).await;
        let body = request(key, &[]);
        let asked = Asks { credential: Some(&credential), body: Some(&body), peer: None };
        let got = self.ask("simpleenroll", asked).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.body);
        let mut reading = self.app.storage.read().await.unwrap();
        let mut rows = reading.certificates().of(&self.name_of(device)).await.unwrap();
        rows.remove(0).issuance.unwrap().der
    }

    fn name_of(&self, device: &Device) -> SpiffeId {
        let trust_domain = self.app.keys.trust_domain().clone();
        SpiffeId { trust_domain, machine: Machine::Device(device.id) }
    }

    fn shows(&self, machine: Machine, certificate: Vec<u8>) -> NewcomerPeer {
        let trust_domain = self.app.keys.trust_domain().clone();
        let peer = Peer { spiffe_id: SpiffeId { trust_domain, machine }, public_key: vec![] };
        NewcomerPeer { newcomer: Newcomer::Machine(peer), certificate }
    }

    /// The words of the refusals in the log.
    async fn words(&self) -> Vec<String> {
        let mut reading = self.app.storage.read().await.unwrap();
        let stored = reading.entries().page(0, 500).await.unwrap();
        let events = stored.iter().map(|stored| stored.entry().unwrap().unwrap().record.event);
        let refused = events.filter_map(|event| {
            if let Event::DeviceEnrolmentRefused { reason, .. } = event {
                Some(reason)
            } else {
                None
            }
        });
        refused.collect()
    }

    /// The word of the latest refusal in the log.
    async fn word(&self) -> Option<String> {
        self.words().await.pop()
    }

    /// How many refusals have this word.
    async fn refusals(&self, word: &str) -> usize {
        self.words().await.iter().filter(|said| *said == word).count()
    }
}

/// What a device sends.
#[derive(Default)]
struct Asks<'a> {
    credential: Option<&'a str>,
    body: Option<&'a [u8]>,
    peer: Option<NewcomerPeer>,
}

fn request(key: &KeyPair, names: &[&str]) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let name = |name: &&str| SanType::DnsName(Ia5String::try_from(*name).unwrap());
    params.subject_alt_names = names.iter().map(name).collect();
    params.serialize_request(key).unwrap().der().to_vec()
}

fn made(manufacturer: &str, serial_number: Option<&str>) -> NewcomerPeer {
    let (manufacturer, serial_number) = (manufacturer.to_owned(), serial_number.map(str::to_owned));
    let newcomer = Newcomer::Manufactured(Manufactured { manufacturer, serial_number });
    NewcomerPeer { newcomer, certificate: vec![] }
}

#[tokio::test]
async fn a_device_enrols_by_a_code_and_renews_by_its_certificate() {
    let house = House::open(|_| ()).await;
    let device = house.device("gw-1", DeviceClass::Gateway).await;
    let (key, next) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let certificate = house.enrolled(&device, &key).await;
    assert_eq!(est::names_of(&certificate).unwrap(), device.names);
    let shown = || Some(house.shows(Machine::Device(device.id), certificate.clone()));
    for (path, names, status, word) in [
        ("simplereenroll", &["gw-1.example"][..], StatusCode::OK, None),
        ("simplereenroll", &[], StatusCode::OK, None),
        ("client/simplereenroll", &[], StatusCode::OK, None),
        ("simplereenroll", &["gw-2.example"], StatusCode::FORBIDDEN, Some("other-names")),
        ("nonsense/simplereenroll", &[], StatusCode::FORBIDDEN, Some("wrong-profile")),
    ] {
        let body = request(&next, names);
        let got = house.ask(path, Asks { body: Some(&body), peer: shown(), ..Asks::default() });
        let got = got.await;
        assert_eq!(got.status, status, "{path} {names:?}: {}", got.body);
        if let Some(word) = word {
            assert_eq!(house.word().await.as_deref(), Some(word));
        } else {
            assert_eq!(got.headers["content-type"], CERTS_ONLY);
            assert!(est::decode(got.body.as_bytes()).is_ok());
        }
    }
    // A device that is out of use renews nothing, from the same instant on.
    let mut rng = app::rng();
    let (context, reason) = (&mut house.app.context(&mut rng), "a test".parse().unwrap());
    let change = DeviceChange::Quarantine;
    command::change_device(context, Actor::Server, device.id, change, reason).await.unwrap();
    let body = request(&next, &[]);
    let got =
        house.ask("simplereenroll", Asks { body: Some(&body), peer: shown(), ..Asks::default() });
    assert_eq!(got.await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.word().await.as_deref(), Some("not-counting"));
}

#[tokio::test]
async fn each_refusal_has_its_word() {
    let house = House::open(|_| ()).await;
    let device = house.device("gw-1", DeviceClass::Gateway).await;
    let other = house.device("gw-2", DeviceClass::Gateway).await;
    let key = KeyPair::generate().unwrap();
    let body = request(&key, &[]);
    let code = house.code(&device).await;
    let elsewhere = format!("{}:{}", other.id, code.split_once(':').unwrap().1);
    let unknown = format!("{}:7XK2M-00000-11111-22222", device.id);
    let phone = PhoneId::from_bytes([7; 16]);
    let phone = || Some(house.shows(Machine::Phone(phone), vec![]));
    let stranger = || Some(house.shows(Machine::Device(device.id), vec![1, 2, 3]));
    for (path, credential, peer, word) in [
        ("simpleenroll", Some(unknown.as_str()), None, "code-invalid"),
        ("simpleenroll", Some("nonsense"), None, "code-invalid"),
        ("simpleenroll", Some(&elsewhere), None, "code-of-another-device"),
        ("simpleenroll", None, phone(), "not-a-device"),
        ("simpleenroll", None, stranger(), "not-counting"),
        ("simpleenroll", None, Some(made("Acme", None)), "no-serial-number"),
        ("simpleenroll", None, Some(made("Acme", Some("gw-9"))), "not-in-inventory"),
        ("simpleenroll", None, Some(made("Other", Some("gw-1"))), "not-in-inventory"),
        ("simplereenroll", Some(&code), None, "certificate-needed"),
        ("simplereenroll", None, Some(made("Acme", Some("gw-1"))), "certificate-needed"),
    ] {
        let got = house.ask(path, Asks { credential, body: Some(&body), peer }).await;
        assert!(got.status.is_client_error(), "{word}: {}", got.status);
        assert_eq!(house.word().await.as_deref(), Some(word), "{}", got.body);
        assert!(got.body.ends_with(".\n"), "{}", got.body);
    }
    // Nothing was shown: that is a question, not a refusal.
    let got = house.ask("simpleenroll", Asks { body: Some(&body), ..Asks::default() }).await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    assert!(got.headers.contains_key("www-authenticate"));
    assert_eq!(house.word().await.as_deref(), Some("certificate-needed"));
    // The code was spent by none of it.
    let asked = Asks { credential: Some(&code), body: Some(&body), peer: None };
    assert_eq!(house.ask("simpleenroll", asked).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let house = House::open(|_| ()).await;
    let key = KeyPair::generate().unwrap();
    let mut changed = request(&key, &[]);
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let long = vec![7; est::LARGEST];
    for (body, status) in [
        (&b"nonsense"[..], StatusCode::BAD_REQUEST),
        (&changed, StatusCode::BAD_REQUEST),
        (&long, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let got = house.ask("simpleenroll", Asks { body: Some(body), ..Asks::default() }).await;
        assert_eq!(got.status, status, "{}", got.body);
    }
    let challenge = rcgen::Attribute {
        oid: &[1, 2, 840, 113_549, 1, 9, 7],
        values: b"\x31\x08\x0c\x06secret".to_vec(),
    };
    let params = CertificateParams::default();
    let linked = params.serialize_request_with_attributes(&key, vec![challenge]).unwrap();
    let asked = Asks { body: Some(linked.der()), ..Asks::default() };
    let got = house.ask("simpleenroll", asked).await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST, "{}", got.body);
    assert_eq!(house.word().await.as_deref(), Some("linking-unverifiable"));
}

#[tokio::test]
async fn a_device_of_a_critical_class_waits_for_a_second_person() {
    let house = House::open(|_| ()).await;
    let pump = house.device("pump-1", DeviceClass::InfusionPump).await;
    let (code, key) = (house.code(&pump).await, KeyPair::generate().unwrap());
    let body = request(&key, &[]);
    let ask = || Asks { credential: Some(&code), body: Some(&body), peer: None };
    for _ in 0..2 {
        let got = house.ask("simpleenroll", ask()).await;
        assert_eq!(got.status, StatusCode::ACCEPTED, "{}", got.body);
        assert_eq!(got.headers["retry-after"], "300");
    }
    let open = command::open_approvals(&house.app.storage).await.unwrap();
    assert_eq!(open.len(), 1);
    let mut rng = app::rng();
    let second = Actor::User(UserId::from_bytes([9; 16]));
    let context = &mut house.app.context(&mut rng);
    command::approve_device(context, second, open[0].id, DAY).await.unwrap();
    let got = house.ask("simpleenroll", ask()).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.body);
}

#[tokio::test]
async fn an_address_that_fails_too_often_waits_and_fills_no_log() {
    let house = House::open(|config| config.limits.failures_per_minute = 3).await;
    let device = house.device("gw-1", DeviceClass::Gateway).await;
    let body = request(&KeyPair::generate().unwrap(), &[]);
    let wrong = format!("{}:7XK2M-00000-11111-22222", device.id);
    let mut statuses = vec![];
    for _ in 0..5 {
        let asked = Asks { credential: Some(&wrong), body: Some(&body), peer: None };
        statuses.push(house.ask("simpleenroll", asked).await.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
}

#[tokio::test]
async fn a_broken_device_does_not_keep_its_neighbours_from_renewing() {
    let house = House::open(|config| config.limits.failures_per_minute = 3).await;
    let broken = house.device("gw-1", DeviceClass::Gateway).await;
    let sound = house.device("gw-2", DeviceClass::Gateway).await;
    let certificate = house.enrolled(&sound, &KeyPair::generate().unwrap()).await;
    let body = request(&KeyPair::generate().unwrap(), &[]);
    let mut statuses = vec![];
    for _ in 0..6 {
        let peer = Some(house.shows(Machine::Device(broken.id), vec![1, 2, 3]));
        let asked = Asks { body: Some(&body), peer, ..Asks::default() };
        statuses.push(house.ask("simplereenroll", asked).await.status.as_u16());
    }
    assert_eq!(statuses, [403, 403, 403, 429, 429, 429], "it fails for itself");
    assert_eq!(house.refusals("not-counting").await, 1, "one entry a minute");
    let peer = Some(house.shows(Machine::Device(sound.id), certificate));
    let got = house.ask("simplereenroll", Asks { body: Some(&body), peer, ..Asks::default() });
    assert_eq!(got.await.status, StatusCode::OK, "from the same address");
}

#[tokio::test]
async fn strangers_fill_no_log() {
    let house = House::open(|_| ()).await;
    for _ in 0..20 {
        let asked = Asks { body: Some(b"nonsense"), ..Asks::default() };
        assert_eq!(house.ask("simpleenroll", asked).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(house.refusals("request-malformed").await, 1);
}

#[tokio::test]
async fn what_is_not_offered_is_said_so() {
    let house = House::open(|_| ()).await;
    for (path, body, status) in [
        ("fullcmc", Some(&b"x"[..]), StatusCode::NOT_IMPLEMENTED),
        ("serverkeygen", Some(b"x"), StatusCode::NOT_IMPLEMENTED),
        ("cacerts", None, StatusCode::OK),
        ("csrattrs", None, StatusCode::OK),
        ("cacerts", Some(b"x"), StatusCode::METHOD_NOT_ALLOWED),
        ("simpleenroll", None, StatusCode::METHOD_NOT_ALLOWED),
        ("nonsense", None, StatusCode::NOT_FOUND),
        ("label/nonsense", None, StatusCode::NOT_FOUND),
    ] {
        let got = house.ask(path, Asks { body, ..Asks::default() }).await;
        assert_eq!(got.status, status, "{path}");
    }
}
