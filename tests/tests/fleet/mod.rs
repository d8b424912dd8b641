//! Devices in software that are given certificates over the network, as devices are: by EST, by ACME, and by the routes in JSON.
pub(crate) mod acme;
pub(crate) mod est;

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use imp_api::Base64;
use imp_api::device::{DeviceEnrolled, DeviceEnrolment, EnrolDevice, RenewDevice};
use imp_authenticator::tls::{MachineIdentity, TrustAnchors, first_meeting, machine_to_server};
use imp_authenticator::{SignError, Signer, certificate_request};
use imp_identity::invitation::Code;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{Clock, DeviceId, Digest};
use imp_pki::Certificate;
use rcgen::{KeyPair, PublicKeyData as _};

/// What did not work, in words.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where a server is, and what is known of it.
#[derive(Clone)]
pub(crate) struct Site {
    /// `https://localhost:<port>`
    pub(crate) issuer: String,
    /// `https://localhost:<port>`, of EST.
    pub(crate) est: String,
    pub(crate) anchors: TrustAnchors,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A device's key, of which it makes requests and by which it shows its certificate.
pub(crate) struct Key {
    pub(crate) pair: KeyPair,
    signing: EcdsaKeyPair,
    spki: Vec<u8>,
}

/// A certificate in a device's hands.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) key: Arc<Key>,
    pub(crate) certificate: Certificate,
    /// The issuer's certificate, in DER.
    pub(crate) issuers: Vec<Vec<u8>>,
}

impl Key {
    pub(crate) fn new() -> Arc<Self> {
        let pair = KeyPair::generate().unwrap();
        let pkcs8 = pair.serialize_der();
        let signing = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
        let spki = pair.subject_public_key_info();
        Arc::new(Self { pair, signing, spki })
    }

    /// A request that names nothing.
    pub(crate) fn request(self: &Arc<Self>) -> Vec<u8> {
        let signer: Arc<dyn Signer> = self.clone();
        certificate_request(&signer).unwrap()
    }

    /// As the log and approvals name it.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&[&self.spki])
    }
}

impl Signer for Key {
    fn public_key(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = self.signing.sign(&SystemRandom::new(), message).map_err(SignError::new)?;
        signature.as_ref().try_into().map_err(SignError::new)
    }
}

impl Held {
    pub(crate) fn serial(&self) -> String {
        self.certificate.serial().to_owned()
    }

    /// What a route in JSON answered.
    fn of(key: Arc<Key>, enrolled: &DeviceEnrolled) -> Result<Self, Failure> {
        let (leaf, issuers) = enrolled.certificate_chain.split_first().ok_or("no certificate")?;
        let issuers = issuers.iter().map(|it| it.0.clone()).collect();
        Ok(Self { key, certificate: Certificate::parse(leaf.0.clone())?, issuers })
    }
}

impl Site {
    /// For whoever shows no certificate.
    pub(crate) fn stranger(&self) -> reqwest::Client {
        let root = self.anchors.roots.first().map(Vec::as_slice).unwrap_or_default();
        http(first_meeting(Digest::of(&[root]), self.clock.clone()).unwrap())
    }

    /// For a device that shows its certificate.
    pub(crate) fn shows(&self, device: DeviceId, held: &Held) -> reqwest::Client {
        http(self.identity(device, held))
    }

    fn identity(&self, device: DeviceId, held: &Held) -> rustls::ClientConfig {
        let trust_domain = self.anchors.trust_domain.clone();
        let identity = MachineIdentity {
            spiffe_id: SpiffeId { trust_domain, machine: Machine::Device(device) },
            chain: [vec![held.certificate.der().to_vec()], held.issuers.clone()].concat(),
            signer: held.key.clone(),
        };
        machine_to_server(Some(&identity), &self.anchors, self.clock.clone()).unwrap()
    }

    /// Enrols with a technician's code by the route in JSON.
    pub(crate) async fn enrol(&self, code: &Code, key: &Arc<Key>) -> Result<Held, Failure> {
        let root = self.anchors.roots.first().map(Vec::as_slice).unwrap_or_default();
        let tls = first_meeting(Digest::of(&[root]), self.clock.clone())?;
        let certificate_request = Base64(key.request());
        let body = EnrolDevice { code: code.clone(), certificate_request };
        let client = imp_api::Client::new(&self.issuer, tls)?;
        enrolled(key.clone(), client.enrol_device(&body).await?)
    }

    /// Renews by the route in JSON.
    pub(crate) async fn renew(&self, device: DeviceId, held: &Held) -> Result<Held, Failure> {
        let key = Key::new();
        let client = imp_api::Client::new(&self.issuer, self.identity(device, held))?;
        let body = RenewDevice { certificate_request: Base64(key.request()) };
        enrolled(key, client.renew_device(&body).await?)
    }
}

fn enrolled(key: Arc<Key>, answer: DeviceEnrolment) -> Result<Held, Failure> {
    match answer {
        DeviceEnrolment::Enrolled(enrolled) => Held::of(key, &enrolled),
        DeviceEnrolment::AwaitingApproval(_) => Err("somebody has to approve it".into()),
    }
}

fn http(tls: rustls::ClientConfig) -> reqwest::Client {
    let timeout = std::time::Duration::from_secs(30);
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls);
    builder.no_proxy().timeout(timeout).build().unwrap()
}
