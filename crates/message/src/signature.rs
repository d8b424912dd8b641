//! Detached signatures: JWS in compact form with an unencoded, detached payload (RFC 7515 appendix F, RFC 7797), by ES256.
//!
//! The protected header says everything about the message; the payload is the message itself, byte for byte. Any JOSE
//! library that knows `b64` verifies the signature; who the certificate belongs to it has to ask elsewhere.
use std::fmt;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use imp_identity::Digest;
use imp_identity::spiffe::SpiffeId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::stream::Stream;

/// `typ` of every signature.
pub const TYPE: &str = "imp-message+jws";
/// The longest signature that is read, in bytes: a header with four certificates.
pub const LONGEST: usize = 24 * 1024;
/// The most certificates of a chain.
pub const LONGEST_CHAIN: usize = 4;
/// The largest sequence number: what every JSON parser reads exactly (RFC 7493 §2.2).
pub const LARGEST_SEQUENCE: u64 = (1 << 53) - 1;
const LONGEST_CONTENT_TYPE: usize = 127;
const LONGEST_SUBJECT: usize = 1024;

/// For whom a machine signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// For itself.
    Machine,
    /// For a device behind it that cannot sign: what lies between the two is not protected.
    LegacyGateway,
}

/// What a signature says about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who sends it.
    pub sender: SpiffeId,
    /// Whom it is for.
    pub receiver: SpiffeId,
    /// Among which messages it has its place.
    pub stream: Stream,
    /// Its place there: larger than that of every message before, at most [`LARGEST_SEQUENCE`].
    pub sequence: u64,
    /// When it was signed, to the microsecond.
    pub at: Timestamp,
    /// Its media type, such as `application/fhir+json`.
    pub content_type: String,
    /// What else the signature stands for: a request line, or the message that this one answers.
    pub subject: Option<String>,
    /// For whom it was signed.
    pub assurance: Assurance,
}

/// A signature as it came: what it says is a claim until [`crate::verify()`] has looked at it.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature {
    pub(crate) message: Message,
    pub(crate) digest: Digest,
    pub(crate) chain: Vec<Vec<u8>>,
    /// The header as it was signed: base64url.
    pub(crate) header: String,
    /// r‖s.
    pub(crate) value: [u8; 64],
}

/// The text is not a signature of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Longer than [`LONGEST`].
    #[error("the signature is longer than {LONGEST} bytes")]
    TooLong,
    /// Not `header..signature` in base64url.
    #[error("the signature is not a JWS in compact form with a detached payload")]
    Form,
    /// The protected header is not the one of a message.
    #[error("the header of the signature is not that of a message")]
    Header,
    /// Another algorithm, type, or critical extension.
    #[error("the signature is of another kind: ES256 over an unencoded payload is expected")]
    Kind,
}

/// Nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError<E: std::error::Error + 'static> {
    /// The message cannot be described: a text or number is out of its range.
    #[error("the message cannot be signed: its description is out of range")]
    Range,
    /// The key did not sign.
    #[error("the machine's key did not sign")]
    Key(#[source] E),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    cty: String,
    b64: bool,
    crit: Vec<String>,
    iss: SpiffeId,
    aud: SpiffeId,
    imp: Place,
    x5c: Vec<String>,
}

/// Our own member of the header, under one name so that it meets no registered one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    stream: Stream,
    sequence: u64,
    time: Timestamp,
    digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    assurance: Assurance,
}

/// Signs `payload` as `message` says, with the key of the first certificate of `chain` (DER, without the root). `key` signs SHA-256 of what
/// it is given with ECDSA on P-256 and returns r‖s.
pub fn sign<E: std::error::Error + 'static>(
    message: &Message,
    payload: &[u8],
    chain: &[Vec<u8>],
    key: impl FnOnce(&[u8]) -> Result<[u8; 64], E>,
) -> Result<String, SigningError<E>> {
    let within = (1..=LONGEST_CHAIN).contains(&chain.len()) && message.is_within_limits();
    let header = within.then(|| Header::of(message, payload, chain));
    let json = header.and_then(|header| serde_json::to_vec(&header).ok());
    let mut text = BASE64URL_NOPAD.encode(&json.ok_or(SigningError::Range)?);
    if text.len() + 2 + 86 > LONGEST {
        return Err(SigningError::Range);
    }
    let signature = key(&signing_input(&text, payload)).map_err(SigningError::Key)?;
    text.push_str("..");
    BASE64URL_NOPAD.encode_append(&signature, &mut text);
    Ok(text)
}

/// What is signed (RFC 7797 §3): the header as it is sent, a dot, and the payload as it is.
pub(crate) fn signing_input(header: &str, payload: &[u8]) -> Vec<u8> {
    let mut input = Vec::with_capacity(header.len() + 1 + payload.len());
    input.extend_from_slice(header.as_bytes());
    input.push(b'.');
    input.extend_from_slice(payload);
    input
}

impl Message {
    fn is_within_limits(&self) -> bool {
        let printable = |text: &str| text.bytes().all(|b| (0x20..0x7f).contains(&b));
        (1..=LARGEST_SEQUENCE).contains(&self.sequence)
            && (1..=LONGEST_CONTENT_TYPE).contains(&self.content_type.len())
            && printable(&self.content_type)
            && self.subject.as_ref().is_none_or(|subject| subject.len() <= LONGEST_SUBJECT)
    }
}

impl Header {
    fn of(message: &Message, payload: &[u8], chain: &[Vec<u8>]) -> Self {
        Self {
            alg: "ES256".to_owned(),
            typ: TYPE.to_owned(),
            cty: message.content_type.clone(),
            b64: false,
            crit: vec!["b64".to_owned()],
            iss: message.sender.clone(),
            aud: message.receiver.clone(),
            imp: Place {
                stream: message.stream.clone(),
                sequence: message.sequence,
                time: to_the_microsecond(message.at),
                digest: Digest::of(&[payload]),
                subject: message.subject.clone(),
                assurance: message.assurance,
            },
            x5c: chain.iter().map(|certificate| BASE64.encode(certificate)).collect(),
        }
    }
}

fn to_the_microsecond(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

impl Signature {
    /// Reads a signature.
    pub fn read(text: &str) -> Result<Self, SignatureError> {
        if text.len() > LONGEST {
            return Err(SignatureError::TooLong);
        }
        let (header, signature) = text.split_once("..").ok_or(SignatureError::Form)?;
        let json = BASE64URL_NOPAD.decode(header.as_bytes()).map_err(|_| SignatureError::Form)?;
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok();
        let signature = signature.and_then(|bytes| bytes.try_into().ok());
        let signature = signature.ok_or(SignatureError::Form)?;
        let read: Header = serde_json::from_slice(&json).map_err(|_| SignatureError::Header)?;
        if read.alg != "ES256" || read.typ != TYPE || read.b64 || read.crit != ["b64"] {
            return Err(SignatureError::Kind);
        }
        let (message, digest, chain) = read.into_parts()?;
        Ok(Self { message, digest, chain, header: header.to_owned(), value: signature })
    }

    /// What it says about the message. Nobody has verified it.
    pub const fn claim(&self) -> &Message {
        &self.message
    }

    /// The digest of the payload that it says it is for.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

impl Header {
    fn into_parts(self) -> Result<(Message, Digest, Vec<Vec<u8>>), SignatureError> {
        if !(1..=LONGEST_CHAIN).contains(&self.x5c.len()) {
            return Err(SignatureError::Header);
        }
        let chain = self.x5c.iter().map(|der| BASE64.decode(der.as_bytes()));
        let chain = chain.collect::<Result<_, _>>().map_err(|_| SignatureError::Header)?;
        let message = Message {
            sender: self.iss,
            receiver: self.aud,
            stream: self.imp.stream,
            sequence: self.imp.sequence,
            at: self.imp.time,
            content_type: self.cty,
            subject: self.imp.subject,
            assurance: self.imp.assurance,
        };
        if message.is_within_limits() {
            Ok((message, self.imp.digest, chain))
        } else {
            Err(SignatureError::Header)
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature").field("message", &self.message).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
