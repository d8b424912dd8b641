//! What tests and the bench share: a key in memory, a small certification authority, a clock that stands, an
//! air that loses frames, and samples of everything that is said.
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use imp_authenticator::tls::{self, MachineIdentity, TrustAnchors};
use imp_authenticator::{SignError, Signer};
use imp_identity::Clock;
use imp_identity::spiffe::SpiffeId;
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

pub(crate) mod air;
pub(crate) mod sample;

/// The instant at which tests happen.
pub(crate) fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

/// A clock that stands.
pub(crate) struct StandingClock(pub(crate) Timestamp);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(StandingClock(now()))
}

/// A P-256 key in memory.
pub(crate) struct SoftwareKey {
    pair: EcdsaKeyPair,
    public_key: Vec<u8>,
}

impl SoftwareKey {
    pub(crate) fn generate() -> Arc<Self> {
        Self::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    /// The key of RFC 6979, appendix A.2.5.
    pub(crate) fn published() -> Arc<Self> {
        let private = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
        let public = "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6\
                      7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let (private, public) = (unhex(private), unhex(public));
        Self::new(
            EcdsaKeyPair::from_private_key_and_public_key(algorithm, &private, &public).unwrap(),
        )
    }

    fn new(pair: EcdsaKeyPair) -> Arc<Self> {
        let mut public_key = unhex("3059301306072a8648ce3d020106082a8648ce3d030107034200");
        public_key.extend_from_slice(pair.public_key().as_ref());
        Arc::new(Self { pair, public_key })
    }
}

impl Signer for SoftwareKey {
    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(SignError::new)?;
        Ok(signature.as_ref().try_into().unwrap())
    }
}

impl rcgen::PublicKeyData for SoftwareKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public_key[26..]
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|b| [b >> 4, b & 15]);
    digits.map(|digit| char::from_digit(digit.into(), 16).unwrap()).collect()
}

/// A root and an issuing authority of one trust domain.
pub(crate) struct Authority {
    pub(crate) anchors: TrustAnchors,
    intermediate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate of a machine says beside its name.
pub(crate) struct Profile {
    pub(crate) usages: Vec<ExtendedKeyUsagePurpose>,
    /// Year, month, day.
    pub(crate) until: (i32, u8, u8),
}

impl Profile {
    pub(crate) fn workstation() -> Self {
        Self { usages: vec![ExtendedKeyUsagePurpose::ClientAuth], until: (2026, 12, 1) }
    }

    pub(crate) fn phone() -> Self {
        let usages = [ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        Self { usages: usages.to_vec(), until: (2026, 12, 1) }
    }
}

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    if !name.is_empty() {
        parameters.distinguished_name.push(DnType::CommonName, name);
    }
    parameters.not_before = rcgen::date_time_ymd(2026, 11, 1);
    parameters.not_after = rcgen::date_time_ymd(2036, 11, 1);
    parameters
}

impl Authority {
    pub(crate) fn new(trust_domain: &str) -> Self {
        let mut root = parameters("Test root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root_key = KeyPair::generate().unwrap();
        let root_certificate = root.self_signed(&root_key).unwrap();
        let root = Issuer::new(root, root_key);
        let mut issuing = parameters("Test machines");
        issuing.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        issuing.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        issuing.use_authority_key_identifier_extension = true;
        let issuing_key = KeyPair::generate().unwrap();
        let intermediate = issuing.signed_by(&issuing_key, &root).unwrap();
        Self {
            anchors: TrustAnchors {
                trust_domain: trust_domain.parse().unwrap(),
                roots: vec![root_certificate.der().to_vec()],
            },
            intermediate: intermediate.der().to_vec(),
            issuer: Issuer::new(issuing, issuing_key),
        }
    }

    pub(crate) fn machine(&self, spiffe_id: &SpiffeId, profile: &Profile) -> MachineIdentity {
        let signer = SoftwareKey::generate();
        let mut machine = parameters("");
        let (year, month, day) = profile.until;
        machine.not_after = rcgen::date_time_ymd(year, month, day);
        machine.subject_alt_names = vec![SanType::URI(spiffe_id.to_string().try_into().unwrap())];
        machine.extended_key_usages.clone_from(&profile.usages);
        machine.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        machine.use_authority_key_identifier_extension = true;
        let certificate = machine.signed_by(&*signer, &self.issuer).unwrap();
        MachineIdentity {
            spiffe_id: spiffe_id.clone(),
            chain: vec![certificate.der().to_vec(), self.intermediate.clone()],
            signer,
        }
    }

    /// A certificate for an HTTPS server, its issuer and its root; and its key.
    pub(crate) fn server(&self, name: &str) -> (Vec<Vec<u8>>, Arc<SoftwareKey>) {
        let signer = SoftwareKey::generate();
        let mut server = parameters("");
        server.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = server.signed_by(&*signer, &self.issuer).unwrap();
        let chain = vec![
            certificate.der().to_vec(),
            self.intermediate.clone(),
            self.anchors.roots[0].clone(),
        ];
        (chain, signer)
    }

    /// The TLS configurations of a workstation and a phone that trust each other.
    pub(crate) fn configurations(&self) -> (Arc<rustls::ClientConfig>, Arc<rustls::ServerConfig>) {
        let workstation = self.machine(&sample::workstation_name(), &Profile::workstation());
        let phone = self.machine(&sample::phone_name(), &Profile::phone());
        (
            tls::workstation_to_phone(&workstation, &self.anchors, clock()).unwrap(),
            tls::phone_to_workstation(&phone, &self.anchors, clock()).unwrap(),
        )
    }
}
