use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use imp_identity::Actor;
use imp_identity::clock::SystemClock;
use imp_identity::device::{CertificateRevocation, Description, DeviceClass, EnrolmentMeans};
use imp_pki::CertificateRequest;
use imp_pki::ocsp::IssuerId;
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::*;
use crate::app;
use crate::command::{self, Order};
use crate::config::Config;
use crate::store::Tables as _;

/// What is published of a device's certificate.
struct House {
    app: App,
    serial: String,
    issuer: IssuerId,
    _folder: TempDir,
}

/// What somebody got.
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl House {
    /// One on each database that there is to try.
    async fn both() -> Vec<Self> {
        let mut houses = vec![Self::open(None).await];
        if let Some(url) = imp_storage::testing::postgres().await {
            houses.push(Self::open(Some(url)).await);
        }
        houses
    }

    async fn open(url: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::at(&folder.path().join("data"));
        config.storage.url = url;
        let app = App::open(config, Arc::new(SystemClock), 8443).await.unwrap();
        let description = Description {
            name: "gw-1".parse().unwrap(),
            class: DeviceClass::Gateway,
            manufacturer: None,
            model: None,
            serial_number: None,
            udi: None,
            unit: None,
            location: None,
            zone: None,
            mds2: None,
            names: vec![],
        };
        let mut rng = app::rng();
        let context = &mut app.context(&mut rng);
        let device = command::register_device(context, Actor::Server, description).await.unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let request = params.serialize_request(&KeyPair::generate().unwrap()).unwrap();
        let request = CertificateRequest::verify_device(request.der()).unwrap();
        let order = Order {
            device: device.id,
            request: &request,
            means: EnrolmentMeans::Token,
            names: vec![],
            profile: None,
        };
        let issued = command::issue_certificate(context, Actor::Server, order).await.unwrap();
        let serial = issued.certificate.serial().to_owned();
        let authority = IssuerId::of(&app.keys.issuing().certificate).unwrap();
        Self { app, serial, issuer: authority, _folder: folder }
    }

    async fn get(&self, path: &str, known: Option<&str>) -> Got {
        let mut request = Request::get(path);
        if let Some(tag) = known {
            request = request.header("if-none-match", tag);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, question: Vec<u8>) -> Got {
        let request = Request::post("/ocsp").header("content-type", OCSP_REQUEST);
        self.send(request.body(Body::from(question)).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> Got {
        let response = router(self.app.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
        Got { status: parts.status, headers: parts.headers, body }
    }

    fn question(&self, nonce: Option<&[u8]>) -> Vec<u8> {
        self.issuer.question(&self.serial).unwrap().request(nonce).unwrap()
    }

    async fn revoke(&self, reason: CertificateRevocation) {
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        command::revoke_certificate(context, Actor::Server, &self.serial, reason).await.unwrap();
    }
}

/// The first tag in an answer that says how a certificate stands: after its serial number.
fn standing(answer: &[u8], serial: &str) -> u8 {
    let serial = HEXLOWER.decode(serial.as_bytes()).unwrap();
    let at = answer.windows(serial.len()).position(|bytes| bytes == serial).unwrap();
    answer[at + serial.len()]
}

const GOOD: u8 = 0x80;
const REVOKED: u8 = 0xa1;
const UNKNOWN: u8 = 0x82;

#[tokio::test]
async fn an_answer_is_kept_until_the_certificate_is_revoked() {
    for house in House::both().await {
        let first = house.post(house.question(None)).await;
        assert_eq!(first.status, StatusCode::OK);
        assert!(!first.headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        assert_eq!(standing(&first.body, &house.serial), GOOD);
        assert_eq!(house.post(house.question(None)).await.body, first.body, "kept");
        let with_nonce = house.post(house.question(Some(&[5; 16]))).await;
        assert!(with_nonce.body.windows(16).any(|bytes| bytes == [5; 16]), "its own nonce");
        assert_eq!(standing(&with_nonce.body, &house.serial), GOOD);
        house.revoke(CertificateRevocation::CertificateHold).await;
        let held = house.post(house.question(None)).await;
        assert_eq!(standing(&held.body, &house.serial), REVOKED);
        let mut rng = app::rng();
        let context = &mut house.app.context(&mut rng);
        command::reinstate_certificate(context, Actor::Server, &house.serial).await.unwrap();
        let good = house.post(house.question(None)).await;
        assert_eq!(standing(&good.body, &house.serial), GOOD);
        house.revoke(CertificateRevocation::KeyCompromise).await;
        let revoked = house.post(house.question(Some(&[6; 32]))).await;
        assert_eq!(standing(&revoked.body, &house.serial), REVOKED);
    }
}

#[tokio::test]
async fn what_was_signed_before_anybody_asked_is_what_is_answered() {
    for house in House::both().await {
        assert_eq!(crate::job::revocation::prepare(&house.app).await.unwrap(), 1);
        assert_eq!(crate::job::revocation::prepare(&house.app).await.unwrap(), 0, "it is there");
        let before = house.post(house.question(None)).await.body;
        assert_eq!(house.post(house.question(None)).await.body, before);
        house.revoke(CertificateRevocation::Superseded).await;
        assert_eq!(
            crate::job::revocation::prepare(&house.app).await.unwrap(),
            1,
            "another revision"
        );
    }
}

#[tokio::test]
async fn nobody_is_told_of_what_is_not_ours() {
    for house in House::both().await {
        let never = house.issuer.question("4242").unwrap().request(None).unwrap();
        let got = house.post(never).await;
        assert_eq!(standing(&got.body, "4242"), UNKNOWN);
        let other = House::open(None).await;
        let got = house.post(other.question(None)).await;
        assert_eq!(got.body, OcspRefusal::Unauthorized.der());
        assert_eq!(got.headers["cache-control"], "no-store");
        let got = house.post(b"nonsense".to_vec()).await;
        assert_eq!(got.body, OcspRefusal::MalformedRequest.der());
        let got = house.send(Request::post("/ocsp").body(Body::from("x")).unwrap()).await;
        assert_eq!(got.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let got = house.post(vec![0x30; ocsp::LARGEST + 1]).await;
        assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test]
async fn caches_may_keep_what_is_asked_by_get_until_it_ends() {
    for house in House::both().await {
        let encoded = BASE64.encode(&house.question(None)).replace('/', "%2F").replace('+', "%2B");
        let path = format!("/ocsp/{encoded}");
        let got = house.get(&path, None).await;
        assert_eq!(standing(&got.body, &house.serial), GOOD);
        let caches = got.headers["cache-control"].to_str().unwrap();
        assert!(caches.starts_with("max-age=3") && caches.contains("must-revalidate"), "{caches}");
        let tag = got.headers["etag"].to_str().unwrap();
        let again = house.get(&path, Some(tag)).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
        house.revoke(CertificateRevocation::Unspecified).await;
        let got = house.get(&path, Some(tag)).await;
        assert_eq!(standing(&got.body, &house.serial), REVOKED);
    }
}

#[tokio::test]
async fn lists_and_authorities_are_found_where_certificates_say() {
    for house in House::both().await {
        let short = house.app.keys.issuing().short.clone();
        let whole = format!("/crl/{short}.crl");
        let before = house.get(&whole, None).await;
        assert_eq!(
            (before.status, &before.headers["content-type"]),
            (StatusCode::OK, &HeaderValue::from_static(CRL))
        );
        assert_eq!(house.get(&whole, None).await.body, before.body, "kept");
        house.revoke(CertificateRevocation::KeyCompromise).await;
        let serial = HEXLOWER.decode(house.serial.as_bytes()).unwrap();
        for path in [whole.clone(), format!("/crl/{short}/0.crl")] {
            let list = house.get(&path, None).await.body;
            assert!(list.windows(serial.len()).any(|bytes| bytes == serial), "{path}");
        }
        let authority = house.get(&format!("/ca/{short}.cer"), None).await;
        assert_eq!(authority.body, house.app.keys.issuing().certificate.der());
        for path in [
            "/crl/0000000000000000.crl".to_owned(),
            format!("/crl/{short}"),
            format!("/crl/{short}/64.crl"),
            format!("/crl/{short}/x.crl"),
            "/ca/0000000000000000.cer".to_owned(),
            format!("/ca/{short}.pem"),
            "/".to_owned(),
        ] {
            assert_eq!(house.get(&path, None).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
}

#[tokio::test]
async fn an_answer_from_before_a_revocation_is_not_kept_after_it() {
    for house in House::both().await {
        let app = &house.app;
        let authority = app.keys.issuing();
        let revision = app.revocation.revision(&app.storage).await.unwrap();
        let mut reading = app.storage.read().await.unwrap();
        let now = app.now();
        let page = reading.certificates().valid(&authority.digest, now, "", 10).await.unwrap();
        drop(reading);
        // While the page is being signed, somebody revokes what stands on it.
        house.revoke(CertificateRevocation::KeyCompromise).await;
        let made = app.revocation.answers.prepare(app, &authority, (&revision, &page)).await;
        assert_eq!(made.unwrap(), 1);
        let got = house.post(house.question(None)).await;
        assert_eq!(standing(&got.body, &house.serial), REVOKED);
    }
}

#[tokio::test]
async fn a_list_that_many_want_at_once_is_signed_once() {
    for house in House::both().await {
        let path = format!("/crl/{}.crl", house.app.keys.issuing().short);
        for _ in 0..2 {
            let asked = (0..8).map(|_| house.get(&path, None));
            let lists = futures::future::join_all(asked).await;
            assert!(lists.iter().all(|list| list.body == lists[0].body), "one list");
            house.revoke(CertificateRevocation::CertificateHold).await;
            let mut rng = app::rng();
            let context = &mut house.app.context(&mut rng);
            let released = command::reinstate_certificate(context, Actor::Server, &house.serial);
            released.await.unwrap();
        }
    }
}
