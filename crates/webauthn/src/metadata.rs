//! The FIDO Metadata Service's list of models (FIDO Metadata Service v3.0 §3.1, "BLOB"): read and verified, not fetched.
use std::time::Duration;

use data_encoding::BASE64;
use jiff::Timestamp;
use jiff::civil::Date;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime};
use serde::Deserialize;
use uuid::Uuid;
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The largest list that is read, in bytes; in 2026 it has 10 MB.
pub const LARGEST: usize = 64 * 1024 * 1024;

/// Who signs the list (FIDO Metadata Service v3.0 §3.2, step 5).
const SIGNER: &str = "mds.fidoalliance.org";

/// What is known against a model when its latest reports have one of these (§3.1.4).
const DISTRUSTED: [&str; 5] = [
    "USER_VERIFICATION_BYPASS",
    "ATTESTATION_KEY_COMPROMISE",
    "USER_KEY_REMOTE_COMPROMISE",
    "USER_KEY_PHYSICAL_COMPROMISE",
    "REVOKED",
];

/// A list of models.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Grows with each list.
    pub number: u64,
    /// When the next list is due.
    pub next_update: Date,
    /// Models of FIDO2 authenticators.
    pub models: Vec<Model>,
}

/// A model of authenticators.
#[derive(Clone, Debug)]
pub struct Model {
    /// Names it.
    pub aaguid: Uuid,
    /// What it is called, in English.
    pub description: String,
    /// The certificates in DER to which its attestations lead.
    pub roots: Vec<Vec<u8>>,
    /// Whether something is known against it.
    pub distrusted: bool,
}

/// The list does not count.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// It is too large to be one.
    #[error("the list of models is larger than {LARGEST} bytes")]
    TooLarge,
    /// The root is not a certificate.
    #[error("the root of the list of models is not a certificate in PEM or DER")]
    Root,
    /// The signature does not count.
    #[error("the list of models is not signed as expected")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// The signer's certificates do not lead to the root.
    #[error("the signer of the list of models is not one that the root vouches for")]
    Chain(#[source] webpki::Error),
    /// The signer has no certificate that can be read.
    #[error("the list of models has no readable certificate of its signer")]
    Certificate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    no: u64,
    next_update: Date,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    aaguid: Option<Uuid>,
    metadata_statement: Option<Statement>,
    #[serde(default)]
    status_reports: Vec<Report>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    description: String,
    #[serde(default)]
    attestation_root_certificates: Vec<String>,
}

#[derive(Deserialize)]
struct Report {
    status: String,
}

impl Metadata {
    /// Reads a list that a signer under `root` (PEM or DER) signed.
    pub fn read(blob: &str, root: &[u8], now: Timestamp) -> Result<Self, MetadataError> {
        if blob.len() > LARGEST {
            return Err(MetadataError::TooLarge);
        }
        let blob = blob.trim();
        let header = decode_header(blob)?;
        let chain: Vec<CertificateDer<'static>> = header
            .x5c
            .unwrap_or_default()
            .iter()
            .map(|text| BASE64.decode(text.as_bytes()).map(CertificateDer::from))
            .collect::<Result<_, _>>()
            .map_err(|_| MetadataError::Certificate)?;
        let (signer, between) = chain.split_first().ok_or(MetadataError::Certificate)?;
        trust(signer, between, root, now)?;
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let blob: Blob = decode(blob, &key(signer, header.alg)?, &validation)?.claims;
        Ok(blob.into())
    }

    /// Whether a newer list should be there.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.to_zoned(jiff::tz::TimeZone::UTC).date() > self.next_update
    }
}

impl From<Blob> for Metadata {
    fn from(blob: Blob) -> Self {
        let models = blob.entries.into_iter().filter_map(|entry| {
            let statement = entry.metadata_statement?;
            let roots = statement.attestation_root_certificates.iter();
            let plain = |text: &String| -> String { text.split_whitespace().collect() };
            Some(Model {
                aaguid: entry.aaguid?,
                description: statement.description,
                roots: roots
                    .filter_map(|text| BASE64.decode(plain(text).as_bytes()).ok())
                    .collect(),
                distrusted: entry
                    .status_reports
                    .iter()
                    .any(|report| DISTRUSTED.contains(&report.status.as_str())),
            })
        });
        Self { number: blob.no, next_update: blob.next_update, models: models.collect() }
    }
}

fn trust(
    signer: &CertificateDer<'_>,
    between: &[CertificateDer<'_>],
    root: &[u8],
    now: Timestamp,
) -> Result<(), MetadataError> {
    let root = if root.starts_with(b"-----BEGIN") {
        CertificateDer::from_pem_slice(root).map_err(|_| MetadataError::Root)?
    } else {
        CertificateDer::from(root.to_vec())
    };
    verify_path(signer, between, &root, (SIGNER, now))
}

/// Verifies the path of a server's certificate up to `root` (RFC 5280 §6), and that it is for `name`, at an instant.
pub fn verify_path(
    signer: &CertificateDer<'_>,
    between: &[CertificateDer<'_>],
    root: &CertificateDer<'_>,
    (name, now): (&str, Timestamp),
) -> Result<(), MetadataError> {
    let anchor = webpki::anchor_from_trusted_cert(root).map_err(|_| MetadataError::Root)?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let leaf = EndEntityCert::try_from(signer).map_err(MetadataError::Chain)?;
    let usage = KeyUsage::server_auth();
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &[anchor],
        between,
        time,
        usage,
        None,
        None,
    )
    .map_err(MetadataError::Chain)?;
    let name = rustls_pki_types::ServerName::try_from(name);
    let name = name.map_err(|_| MetadataError::Certificate)?;
    leaf.verify_is_valid_for_subject_name(&name).map_err(MetadataError::Chain)
}

/// The signer's key, for the family of algorithms that the header names.
fn key(signer: &CertificateDer<'_>, algorithm: Algorithm) -> Result<DecodingKey, MetadataError> {
    let (_, certificate) =
        X509Certificate::from_der(signer).map_err(|_| MetadataError::Certificate)?;
    let key = &certificate.public_key().subject_public_key.data;
    if matches!(
        algorithm,
        Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 | Algorithm::PS256
    ) {
        Ok(DecodingKey::from_rsa_der(key))
    } else if matches!(algorithm, Algorithm::ES256 | Algorithm::ES384) {
        Ok(DecodingKey::from_ec_der(key))
    } else {
        Err(MetadataError::Certificate)
    }
}
