//! A software TPM with a certified attestation key, and a key that it attests.
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::str::FromStr as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use imp_identity::Digest;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PublicKeyData, SignatureAlgorithm, SigningKey,
};
use tempfile::TempDir;
use tss_esapi::attributes::ObjectAttributesBuilder;
use tss_esapi::constants::StructureTag;
use tss_esapi::handles::KeyHandle;
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::interface_types::resource_handles::Hierarchy;
use tss_esapi::interface_types::session_handles::AuthSession;
use tss_esapi::structures::{
    Data, EccPoint, EccScheme, HashScheme, HashcheckTicket, Public, PublicBuilder,
    PublicEccParametersBuilder, Signature, SignatureScheme,
};
use tss_esapi::tcti_ldr::TctiNameConf;
use tss_esapi::traits::Marshall as _;
use tss_esapi::tss2_esys::TPMT_TK_HASHCHECK;
use tss_esapi::{Context, structures};

/// The TPM, and the authority that certified its attestation key.
pub(super) struct Tpm {
    process: Child,
    context: Option<Mutex<Context>>,
    ak: KeyHandle,
    key: KeyHandle,
    key_public: Public,
    point: Vec<u8>,
    /// The authority's certificate, in PEM.
    pub(super) root: String,
    certificate: Vec<u8>,
    _state: TempDir,
}

impl Drop for Tpm {
    fn drop(&mut self) {
        self.context = None;
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// A signing key; `restricted`: for what the TPM itself made.
fn template(restricted: bool) -> Public {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        .with_no_da(true)
        .with_sign_encrypt(true)
        .with_restricted(restricted)
        .build()
        .unwrap();
    let scheme = EccScheme::EcDsa(HashScheme::new(HashingAlgorithm::Sha256));
    let parameters =
        PublicEccParametersBuilder::new_unrestricted_signing_key(scheme, EccCurve::NistP256)
            .with_restricted(restricted)
            .build()
            .unwrap();
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::Ecc)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_ecc_parameters(parameters)
        .with_ecc_unique_identifier(EccPoint::default())
        .build()
        .unwrap()
}

fn point(public: &Public) -> Vec<u8> {
    let Public::Ecc { unique, .. } = public else { panic!("not a key on a curve") };
    let mut point = vec![4];
    for coordinate in [unique.x().value(), unique.y().value()] {
        // TPMs may leave leading zeros out.
        point.resize(point.len() + 32 - coordinate.len(), 0);
        point.extend_from_slice(coordinate);
    }
    point
}

impl Tpm {
    /// Starts one whose attestation key is certified to be of the device with this number.
    pub(super) fn start(serial: &str) -> Self {
        let state = tempfile::tempdir().unwrap();
        let (process, port) = spawn(&state);
        let tcti = format!("swtpm:host=127.0.0.1,port={port}");
        let mut context = Context::new(TctiNameConf::from_str(&tcti).unwrap()).unwrap();
        let mut make = |restricted| {
            context
                .execute_with_nullauth_session(|context| {
                    let template = template(restricted);
                    context.create_primary(Hierarchy::Owner, template, None, None, None, None)
                })
                .unwrap()
        };
        let (ak, key) = (make(true), make(false));
        let (root, certificate) = certified(point(&ak.out_public), serial);
        Self {
            process,
            context: Some(Mutex::new(context)),
            ak: ak.key_handle,
            key: key.key_handle,
            point: point(&key.out_public),
            key_public: key.out_public,
            root,
            certificate,
            _state: state,
        }
    }

    /// An attestation object of the key, for this challenge.
    pub(super) fn attest(&self, digest: &Digest) -> Vec<u8> {
        let mut context = self.context.as_ref().unwrap().lock().unwrap();
        let asked = Data::try_from(digest.as_bytes().to_vec()).unwrap();
        let sessions = (Some(AuthSession::Password), Some(AuthSession::Password), None);
        let (statement, signature) = context
            .execute_with_sessions(sessions, |context| {
                context.certify(self.key.into(), self.ak, asked, SignatureScheme::Null)
            })
            .unwrap();
        let mut statement_map = map(6);
        statement_map.extend(text("ver"));
        statement_map.extend(text("2.0"));
        // ES256 (RFC 9053 §2.1)
        statement_map.extend(text("alg"));
        statement_map.push(0x26);
        statement_map.extend(text("x5c"));
        statement_map.push(0x81);
        statement_map.extend(bytes(&self.certificate));
        for (name, value) in [
            ("sig", signature.marshall().unwrap()),
            ("certInfo", statement.marshall().unwrap()),
            ("pubArea", self.key_public.marshall().unwrap()),
        ] {
            statement_map.extend(text(name));
            statement_map.extend(bytes(&value));
        }
        let mut object = map(2);
        object.extend(text("fmt"));
        object.extend(text("tpm"));
        object.extend(text("attStmt"));
        object.extend(statement_map);
        object
    }

    /// A certificate request by the key, without names.
    pub(super) fn request(&self) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.serialize_request(self).unwrap().der().to_vec()
    }
}

impl PublicKeyData for Tpm {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Tpm {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut context = self.context.as_ref().unwrap().lock().unwrap();
        let digest = Digest::of(&[message]);
        let digest = structures::Digest::try_from(digest.as_bytes().to_vec()).unwrap();
        let scheme =
            SignatureScheme::EcDsa { hash_scheme: HashScheme::new(HashingAlgorithm::Sha256) };
        let ticket = HashcheckTicket::try_from(TPMT_TK_HASHCHECK {
            tag: StructureTag::Hashcheck.into(),
            hierarchy: tss_esapi::constants::tss::TPM2_RH_NULL,
            digest: tss_esapi::tss2_esys::TPM2B_DIGEST::default(),
        });
        let signature = context
            .execute_with_session(Some(AuthSession::Password), |context| {
                context.sign(self.key, digest, scheme, ticket.unwrap())
            })
            .unwrap();
        let Signature::EcDsa(signature) = signature else { panic!("not ECDSA") };
        let number = |bytes: &[u8]| {
            let bytes = match bytes.iter().position(|byte| *byte != 0) {
                Some(first) => &bytes[first..],
                None => &[0],
            };
            let sign: &[u8] = if bytes[0] >= 0x80 { &[0] } else { &[] };
            tlv(0x02, &[sign, bytes].concat())
        };
        let (r, s) = (signature.signature_r().value(), signature.signature_s().value());
        Ok(tlv(0x30, &[number(r), number(s)].concat()))
    }
}

/// The public half of the attestation key, which signs nothing here.
struct Subject(Vec<u8>);

impl PublicKeyData for Subject {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// An authority in PEM, and its certificate for an attestation key in DER.
fn certified(key: Vec<u8>, serial: &str) -> (String, Vec<u8>) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = root.self_signed(&root_key).unwrap().pem();
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![2, 23, 133, 8, 3])];
    let sequence = tlv(0x30, &tlv(0x0c, serial.as_bytes()));
    let kind = tlv(0x06, &[0x2b, 6, 1, 5, 5, 7, 8, 3]);
    let names = tlv(0x30, &tlv(0xa0, &[kind, tlv(0xa0, &sequence)].concat()));
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 17], names)];
    let certificate = params.signed_by(&Subject(key), &Issuer::new(root, root_key)).unwrap();
    (pem, certificate.der().to_vec())
}

/// A value of DER of less than 128 bytes.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}

fn map(members: u8) -> Vec<u8> {
    vec![0xa0 + members]
}

fn text(text: &str) -> Vec<u8> {
    [&[0x60 + u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0x59], length.as_slice(), bytes].concat()
}

/// Starts swtpm; a port for commands, the next for control: the TSS expects them so.
fn spawn(state: &TempDir) -> (Child, u16) {
    let until = Instant::now() + Duration::from_mins(1);
    while Instant::now() < until {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let Some(control) = port.checked_add(1) else { continue };
        let address = |port| format!("type=tcp,bindaddr=127.0.0.1,port={port}");
        let mut process = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .args(["--tpmstate", &format!("dir={}", state.path().display())])
            .args(["--server", &address(port), "--ctrl", &address(control)])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while process.try_wait().unwrap().is_none() && Instant::now() < until {
            // The control port: whoever connects to the other one is the TPM's only user.
            if std::net::TcpStream::connect(("127.0.0.1", control)).is_ok() {
                return (process, port);
            }
            std::thread::yield_now();
        }
    }
    panic!("swtpm did not start");
}
