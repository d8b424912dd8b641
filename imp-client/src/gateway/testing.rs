//! A hospital without a server, for tests and the bench: an authority, devices with certificates, and a signed connection policy.
use std::sync::Arc;

use imp_api::Base64;
use imp_api::device::DeviceEnrolled;
use imp_authenticator::signer::{SignError, Signer};
use imp_client::StateDirectory;
use imp_client::machine::stored::KEY;
use imp_client::machine::{Device, StoredDevice};
use imp_connection::{Inventory, Member, Policy, PolicyCopy, Rule};
use imp_hardware::keystore::{Keystore, KeystoreConfig};
use imp_identity::clock::SystemClock;
use imp_identity::device::DeviceClass;
use imp_identity::id::Id;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{Clock, Digest};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};

/// The device that the inventory has as a gateway for what cannot prove who it is.
pub(crate) const LEGACY: u8 = 50;

/// The real time: certificates and TLS are of now.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// An authority with the keys that devices pin.
pub(crate) struct Hospital {
    root: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
    statements: Arc<dyn Signer>,
    folder: tempfile::TempDir,
}

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    if !name.is_empty() {
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    }
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2120, 1, 1);
    parameters
}

/// The name of a device.
pub(crate) fn name(number: u8) -> SpiffeId {
    let mut bytes = *b"\x01\x93\x51\x2e\x4b\x00\x70\x00\x80\x00\x00\x00\x00\x00\x00\x00";
    bytes[15] = number;
    let trust_domain = "hospital.example".parse().unwrap();
    SpiffeId { trust_domain, machine: Machine::Device(Id::from_bytes(bytes)) }
}

impl Hospital {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut root = parameters("Test root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let certificate = root.self_signed(&key).unwrap();
        let keystore = KeystoreConfig::software(folder.path().join("statements")).open().unwrap();
        Self {
            root: certificate.der().to_vec(),
            issuer: Issuer::new(root, key),
            statements: keystore.create("statements").unwrap(),
            folder,
        }
    }

    /// A device, as its enrolment leaves it behind.
    pub(crate) fn device(&self, number: u8) -> Device {
        let keystore = self.keystore(number);
        let signer = match keystore.load(KEY).unwrap() {
            Some(signer) => signer,
            None => keystore.create(KEY).unwrap(),
        };
        let stored = self.certify(number, signer.as_ref());
        Device::new(stored, signer, Arc::new(SystemClock)).unwrap()
    }

    fn certify(&self, number: u8, signer: &dyn Signer) -> StoredDevice {
        let mut machine = parameters("");
        let spiffe_id = name(number);
        let uri = spiffe_id.to_string().try_into().unwrap();
        machine.subject_alt_names = vec![SanType::URI(uri)];
        machine.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        machine.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // Without one, it would be made from the key: the same for each certificate of it.
        let serial = u64::try_from(now().as_microsecond()).unwrap();
        machine.serial_number = Some(rcgen::SerialNumber::from(serial));
        let certificate =
            machine.signed_by(&PublicHalf(signer.public_key()), &self.issuer).unwrap();
        let Machine::Device(device) = spiffe_id.machine else { unreachable!("it is a device") };
        let enrolled = DeviceEnrolled {
            device,
            spiffe_id,
            certificate_chain: vec![Base64(certificate.der().to_vec())],
            trust_anchors: vec![Base64(self.root.clone())],
            statement_keys: vec![Base64(self.statements.public_key().to_vec())],
            renew_after: now() + SignedDuration::from_hours(1000),
            expires_at: now() + SignedDuration::from_hours(2000),
        };
        // Nobody listens there.
        let server = "https://127.0.0.1:1".to_owned();
        StoredDevice { server, ca: Digest::of(&[&self.root]), est: None, enrolled }
    }

    /// A list of revoked certificates, made so many days from now.
    pub(crate) fn revoked(&self, certificates: &[Vec<u8>], days: i64) -> Vec<u8> {
        let at = |days: i64| {
            let day = now() + SignedDuration::from_hours(24 * days);
            let date = day.to_zoned(jiff::tz::TimeZone::UTC).date();
            let part = |number: i8| u8::try_from(number).unwrap();
            rcgen::date_time_ymd(date.year().into(), part(date.month()), part(date.day()))
        };
        let entry = |der: &Vec<u8>| {
            let (_, certificate) = x509_parser::parse_x509_certificate(der).unwrap();
            rcgen::RevokedCertParams {
                serial_number: rcgen::SerialNumber::from_slice(certificate.raw_serial()),
                revocation_time: at(days),
                reason_code: None,
                invalidity_date: None,
            }
        };
        let parameters = rcgen::CertificateRevocationListParams {
            this_update: at(days),
            next_update: at(days + 7),
            crl_number: rcgen::SerialNumber::from(7),
            issuing_distribution_point: None,
            revoked_certs: certificates.iter().map(entry).collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        parameters.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    /// The keystore of a device.
    pub(crate) fn keystore(&self, number: u8) -> Arc<dyn Keystore> {
        KeystoreConfig::software(self.state(number).path("keys")).open().unwrap()
    }

    fn state(&self, number: u8) -> StateDirectory {
        StateDirectory::open(self.folder.path().join(format!("device-{number}"))).unwrap()
    }

    /// A device's folder, with its credentials and a copy of the policy.
    pub(crate) fn folder(&self, number: u8, rules: &[Rule]) -> StateDirectory {
        let state = self.state(number);
        self.device(number).stored.write(&state).unwrap();
        state.write("policy.jws", self.policy(1, rules).as_bytes()).unwrap();
        state
    }

    /// A signed copy: every device is in the inventory, as a gateway, but those from 200 on; [`LEGACY`] is one in front of an old device.
    pub(crate) fn policy(&self, version: u32, rules: &[Rule]) -> String {
        let member = |number| Member {
            machine: name(number),
            class: if number == LEGACY { DeviceClass::LegacyGateway } else { DeviceClass::Gateway },
            unit: None,
            zone: None,
        };
        let trust_domain = "hospital.example".parse().unwrap();
        let copy = PolicyCopy {
            policy: Policy::new(version, rules.to_vec()).unwrap(),
            inventory: Inventory::new(trust_domain, (0..200).map(member)),
            issued_at: now() - SignedDuration::from_secs(1),
            valid_until: now() + SignedDuration::from_hours(1),
        };
        let sign = |input: &[u8]| self.statements.sign(input);
        let signed: Result<_, SignError> = copy.sign(self.statements.public_key(), sign);
        signed.unwrap().as_str().to_owned()
    }
}

/// The public half of a key, for a certificate.
struct PublicHalf<'a>(&'a [u8]);

impl rcgen::PublicKeyData for PublicHalf<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.0[26..]
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}
