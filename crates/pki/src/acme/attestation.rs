//! Attestations of devices (draft-ietf-acme-device-attest-10 §5): that a key was made in a security module and cannot leave it,
//! and which device that is. Of the formats of WebAuthn (Level 3 §8) there is `tpm`, whose statement signs the full key
//! authorization; the key that attests must be certified by an authority that the hospital trusts for it.
use data_encoding::BASE64URL_NOPAD;
use imp_identity::Digest;
use jiff::Timestamp;
use minicbor::Decoder;
use minicbor::data::Type;
use serde_json::Value;

use super::{Identifier, ProblemType, Refused};

mod certificate;
mod tpm;

pub use certificate::verify_path;

/// The most certificates in a chain.
const CHAIN: u64 = 8;

/// What the hardware attested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// The key: a `SubjectPublicKeyInfo` in DER.
    pub key: Vec<u8>,
    /// What the device is called.
    pub identifiers: Vec<Identifier>,
}

/// An attestation, unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// The certificate of the key that attests, and those above it, in DER.
    chain: Vec<Vec<u8>>,
    /// `TPMT_SIGNATURE`.
    signature: Vec<u8>,
    /// `TPMS_ATTEST`.
    statement: Vec<u8>,
    /// `TPMT_PUBLIC`.
    public_area: Vec<u8>,
}

/// The attestation does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// Not an attestation object.
    #[error("`attObj` is not an attestation object")]
    Malformed,
    /// Another format.
    #[error("attestations of the format `{0}` are not supported, only `tpm`")]
    Format(String),
    /// No authority is trusted.
    #[error("this server trusts no authority that certifies attestation keys")]
    NoRoots,
    /// The chain does not lead to an authority that is trusted for it.
    #[error("the certificate of the attestation key is not one that is trusted for attestations")]
    Certificate,
    /// The structures of the TPM cannot be read.
    #[error("the TPM's structures cannot be read: {0}")]
    Structure(&'static str),
    /// The signature is not by the certified key.
    #[error("the TPM's statement is not signed with the certified attestation key")]
    Signature,
    /// It answers another challenge, or another account's.
    #[error("the TPM's statement is about another challenge or account")]
    OtherChallenge,
    /// It is about another key.
    #[error("the TPM's statement is about another key than the one that is shown")]
    OtherKey,
    /// The key may leave the TPM.
    #[error("the attested key was not made in the TPM, or may leave it")]
    Exportable,
    /// The attested key is of a kind that is not certified.
    #[error("the attested key is not one of P-256")]
    KeyKind,
    /// It is another device.
    #[error("the attestation is of another device")]
    OtherDevice,
}

impl Refused for AttestationError {
    fn kind(&self) -> ProblemType {
        ProblemType::BadAttestationStatement
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Malformed | Self::Structure(_) => "attestation-malformed",
            Self::Format(_) => "attestation-format",
            Self::NoRoots | Self::Certificate => "attestation-untrusted",
            Self::Signature => "attestation-signature",
            Self::OtherChallenge => "attestation-replayed",
            Self::OtherKey | Self::Exportable | Self::KeyKind => "attestation-key",
            Self::OtherDevice => "attestation-other-device",
        }
    }
}

impl Attestation {
    /// Reads the response to a challenge: `{"attObj": …}`. Nothing is verified here.
    pub fn parse(payload: &[u8]) -> Result<Self, AttestationError> {
        let payload: Value =
            serde_json::from_slice(payload).map_err(|_| AttestationError::Malformed)?;
        let object = payload["attObj"].as_str().ok_or(AttestationError::Malformed)?;
        let object = BASE64URL_NOPAD.decode(object.trim_end_matches('=').as_bytes());
        object_of(&object.map_err(|_| AttestationError::Malformed)?)
    }

    /// Verifies that a trusted TPM made it, for this challenge (`digest`: of the key authorization), and about a key that cannot
    /// leave it; and that it is the device which `identifier` names. `roots` are certificates in DER.
    pub fn verify(
        &self,
        identifier: &Identifier,
        digest: &Digest,
        roots: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<Attested, AttestationError> {
        let certificate = certificate::verify(&self.chain, roots, now)?;
        let statement = tpm::Statement::parse(&self.statement)?;
        certificate.check(&self.statement, &self.signature)?;
        if statement.challenge != digest.as_bytes() {
            return Err(AttestationError::OtherChallenge);
        }
        let key = tpm::public_key(&self.public_area)?;
        if statement.name != tpm::name(&self.public_area) {
            return Err(AttestationError::OtherKey);
        }
        if !certificate.identifiers.contains(identifier) {
            return Err(AttestationError::OtherDevice);
        }
        Ok(Attested { key, identifiers: certificate.identifiers })
    }
}

/// Reads an attestation object in CBOR (WebAuthn §6.5.4); `authData` is passed over.
fn object_of(bytes: &[u8]) -> Result<Attestation, AttestationError> {
    let malformed = |_: minicbor::decode::Error| AttestationError::Malformed;
    let mut decoder = Decoder::new(bytes);
    let entries = decoder.map().map_err(malformed)?.ok_or(AttestationError::Malformed)?;
    let (mut format, mut statement) = (None, None);
    for _ in 0..entries {
        match decoder.str().map_err(malformed)? {
            "fmt" => format = Some(decoder.str().map_err(malformed)?.to_owned()),
            "attStmt" => {
                let begin = decoder.position();
                decoder.skip().map_err(malformed)?;
                statement = bytes.get(begin..decoder.position());
            }
            _ => decoder.skip().map_err(malformed)?,
        }
    }
    if decoder.position() != bytes.len() {
        return Err(AttestationError::Malformed);
    }
    match (format.as_deref(), statement) {
        (Some("tpm"), Some(statement)) => tpm_statement(statement),
        (Some(other), _) => Err(AttestationError::Format(
            other.chars().filter(|c| !c.is_control()).take(32).collect(),
        )),
        (None, _) => Err(AttestationError::Malformed),
    }
}

/// Reads the statement of the format `tpm` (WebAuthn §8.3).
fn tpm_statement(bytes: &[u8]) -> Result<Attestation, AttestationError> {
    let malformed = |_: minicbor::decode::Error| AttestationError::Malformed;
    let mut decoder = Decoder::new(bytes);
    let entries = decoder.map().map_err(malformed)?.ok_or(AttestationError::Malformed)?;
    let (mut version, mut chain) = (None, vec![]);
    let (mut signature, mut statement, mut public_area) = (None, None, None);
    for _ in 0..entries {
        match decoder.str().map_err(malformed)? {
            "ver" => version = Some(decoder.str().map_err(malformed)?),
            "sig" => signature = Some(decoder.bytes().map_err(malformed)?.to_vec()),
            "certInfo" => statement = Some(decoder.bytes().map_err(malformed)?.to_vec()),
            "pubArea" => public_area = Some(decoder.bytes().map_err(malformed)?.to_vec()),
            "x5c" if decoder.datatype().map_err(malformed)? == Type::Array => {
                let length = decoder.array().map_err(malformed)?;
                let length = length.filter(|it| *it <= CHAIN).ok_or(AttestationError::Malformed)?;
                for _ in 0..length {
                    chain.push(decoder.bytes().map_err(malformed)?.to_vec());
                }
            }
            _ => decoder.skip().map_err(malformed)?,
        }
    }
    if version != Some("2.0") || chain.is_empty() {
        return Err(AttestationError::Malformed);
    }
    let missing = AttestationError::Malformed;
    let (Some(signature), Some(statement), Some(public_area)) = (signature, statement, public_area)
    else {
        return Err(missing);
    };
    Ok(Attestation { chain, signature, statement, public_area })
}

#[cfg(test)]
mod tests;
