//! What is asked.
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Decode as _, Encode as _};
use x509_cert::ext::Extension;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::{CertId, TbsRequest};
use x509_parser::prelude::FromDer as _;

use crate::certificate::{Certificate, MalformedCertificate};

/// The largest request that is read, in bytes.
pub const LARGEST: usize = 4096;

/// The most certificates that one request may ask about.
pub const MOST_CERTIFICATES: usize = 16;

/// How long a nonce may be, in bytes (RFC 9654 §2.1, which raised the 32 of RFC 8954).
const LONGEST_NONCE: usize = 128;

/// 1.3.14.3.2.26
const SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
/// 2.16.840.1.101.3.4.2.1
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
/// id-pkix-ocsp-nonce
pub(super) const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");

/// A request: one certificate or more, and a nonce or none. Its signature, if it has one, says nothing that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspRequest {
    ids: Vec<CertificateId>,
    nonce: Option<OctetString>,
}

/// A certificate, as a request names it: by its issuer's hashes and its serial number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateId(pub(super) CertId);

/// How requests may name an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerId {
    sha1: Hashes,
    sha256: Hashes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Hashes {
    name: Vec<u8>,
    key: Vec<u8>,
}

/// The request cannot be answered. OCSP has one word for all of it: malformedRequest.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestProblem {
    /// It is larger than [`LARGEST`].
    #[error("the request is larger than {LARGEST} bytes")]
    TooLarge,
    /// It is not an OCSP request in DER.
    #[error("the request is not an OCSP request in DER")]
    Syntax,
    /// It asks about no certificate, or about more than [`MOST_CERTIFICATES`].
    #[error("the request asks about no certificate, or about more than {MOST_CERTIFICATES}")]
    Count,
    /// Its nonce is empty, too long, or there are two.
    #[error("the request's nonce is not one of 1 to {LONGEST_NONCE} bytes")]
    Nonce,
    /// It has a critical extension that is not known here (RFC 6960 §4.4).
    #[error("the request has a critical extension that is not known")]
    Extension,
}

impl OcspRequest {
    /// Reads a request in DER.
    pub fn parse(der: &[u8]) -> Result<Self, RequestProblem> {
        if der.len() > LARGEST {
            return Err(RequestProblem::TooLarge);
        }
        let request = x509_ocsp::OcspRequest::from_der(der).map_err(|_| RequestProblem::Syntax)?;
        let asked = request.tbs_request;
        if asked.request_list.is_empty() || asked.request_list.len() > MOST_CERTIFICATES {
            return Err(RequestProblem::Count);
        }
        let mut nonce = None;
        for extension in asked.request_extensions.unwrap_or_default() {
            if extension.extn_id == NONCE {
                let value = OctetString::from_der(extension.extn_value.as_bytes());
                let value = value.map_err(|_| RequestProblem::Nonce)?;
                let length = value.as_bytes().len();
                if !(1..=LONGEST_NONCE).contains(&length) || nonce.is_some() {
                    return Err(RequestProblem::Nonce);
                }
                nonce = Some(value);
            } else if extension.critical {
                return Err(RequestProblem::Extension);
            }
        }
        let single = |request: &x509_ocsp::Request| {
            let extensions = request.single_request_extensions.as_deref().unwrap_or_default();
            extensions.iter().any(|extension| extension.critical)
        };
        if asked.request_list.iter().any(single) {
            return Err(RequestProblem::Extension);
        }
        let ids = asked.request_list.into_iter().map(|one| CertificateId(one.req_cert)).collect();
        Ok(Self { ids, nonce })
    }

    /// The certificates that it asks about: at least one.
    pub fn ids(&self) -> &[CertificateId] {
        &self.ids
    }

    /// Whether the answer must be made for this request alone.
    pub const fn has_nonce(&self) -> bool {
        self.nonce.is_some()
    }

    pub(super) const fn nonce(&self) -> Option<&OctetString> {
        self.nonce.as_ref()
    }
}

impl CertificateId {
    /// The serial number as [`Certificate::serial`] writes it. Negative ones are nobody's.
    pub fn serial(&self) -> Option<String> {
        let bytes = self.0.serial_number.as_bytes();
        if bytes.first().is_none_or(|first| first & 0x80 != 0) {
            return None;
        }
        let text = data_encoding::HEXLOWER.encode(bytes);
        let text = text.trim_start_matches('0');
        Some(if text.is_empty() { "0".to_owned() } else { text.to_owned() })
    }

    /// A whole request about this certificate alone, as a client would send it. `nonce` has 1 to 128 bytes.
    pub fn request(&self, nonce: Option<&[u8]>) -> Result<Vec<u8>, der::Error> {
        let extensions = nonce.map(|nonce| {
            let value = OctetString::new(OctetString::new(nonce)?.to_der()?)?;
            Ok::<_, der::Error>(vec![Extension {
                extn_id: NONCE,
                critical: false,
                extn_value: value,
            }])
        });
        let one = x509_ocsp::Request { req_cert: self.0.clone(), single_request_extensions: None };
        let asked = TbsRequest {
            request_list: vec![one],
            request_extensions: extensions.transpose()?,
            ..TbsRequest::default()
        };
        x509_ocsp::OcspRequest { tbs_request: asked, optional_signature: None }.to_der()
    }

    /// What tells this question from all others: its algorithm, its issuer, its serial number, and how it is written.
    pub fn key(&self) -> Vec<u8> {
        self.0.to_der().unwrap_or_default()
    }
}

impl IssuerId {
    /// How requests name the issuer with this certificate (RFC 6960 §4.1.1).
    pub fn of(issuer: &Certificate) -> Result<Self, MalformedCertificate> {
        let (_, x509) = x509_parser::certificate::X509Certificate::from_der(issuer.der())
            .map_err(|_| MalformedCertificate::Syntax)?;
        let name = x509.subject().as_raw();
        let key = x509.public_key().subject_public_key.data.as_ref();
        let hashes = |algorithm| Hashes {
            name: digest(algorithm, name).as_ref().to_vec(),
            key: digest(algorithm, key).as_ref().to_vec(),
        };
        Ok(Self { sha1: hashes(&SHA1_FOR_LEGACY_USE_ONLY), sha256: hashes(&SHA256) })
    }

    /// Whether a request is about a certificate of this issuer. Other hashes than SHA-1 and SHA-256 are not looked up.
    pub fn is_of(&self, id: &CertificateId) -> bool {
        let hashes = match id.0.hash_algorithm.oid {
            SHA_1 => &self.sha1,
            SHA_256 => &self.sha256,
            _ => return false,
        };
        id.0.issuer_name_hash.as_bytes() == hashes.name
            && id.0.issuer_key_hash.as_bytes() == hashes.key
    }

    /// How most clients ask about a certificate of this issuer: by SHA-1, as RFC 5019 §2.1.1 has it. `None` if the serial
    /// number is not in hexadecimal digits.
    pub fn question(&self, serial: &str) -> Option<CertificateId> {
        let padded =
            if serial.len().is_multiple_of(2) { serial.to_owned() } else { format!("0{serial}") };
        let serial = data_encoding::HEXLOWER.decode(padded.as_bytes()).ok()?;
        let hash_algorithm =
            AlgorithmIdentifierOwned { oid: SHA_1, parameters: Some(der::asn1::Null.into()) };
        Some(CertificateId(CertId {
            hash_algorithm,
            issuer_name_hash: OctetString::new(self.sha1.name.clone()).ok()?,
            issuer_key_hash: OctetString::new(self.sha1.key.clone()).ok()?,
            serial_number: SerialNumber::new(&serial).ok()?,
        }))
    }

    /// SHA-1 of the key: how signers of answers are named (RFC 6960 §4.2.1, `KeyHash`).
    pub(super) fn key_hash(&self) -> &[u8] {
        &self.sha1.key
    }
}
