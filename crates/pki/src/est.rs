//! Messages of Enrolment over Secure Transport (EST, RFC 7030 with the corrections of RFC 8951): bodies in Base64, lists of
//! certificates in PKCS#7, and what a request should hold. Who may enrol what is decided elsewhere.
use std::net::IpAddr;
use std::str::FromStr;

use data_encoding::BASE64;
use x509_parser::prelude::{FromDer as _, GeneralName};

use crate::profile::ServerName;

mod tlv;

use tlv::{CONTEXT_0, INTEGER, OCTET_STRING, SEQUENCE, SET, tlv};

/// The largest body that is read, in bytes: a PKCS#10 request with an RSA key and its line feeds.
pub const LARGEST: usize = 32 * 1024;

/// Where EST is, without a label.
pub const ROOT: &str = "/.well-known/est";

/// What an EST client may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The authorities (RFC 7030 §4.1).
    CaCerts,
    /// A first certificate (§4.2.1).
    SimpleEnroll,
    /// The next certificate of a client that has one (§4.2.2).
    SimpleReenroll,
    /// What a request should hold (§4.5).
    CsrAttrs,
    /// CMC (§4.3): not offered.
    FullCmc,
    /// A key that the server makes (§4.4): not offered, as no key leaves the machine that it names.
    ServerKeyGen,
}

/// There is no such operation.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("EST has no such operation")]
pub struct UnknownOperation;

/// A body cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than [`LARGEST`].
    #[error("the body is larger than {LARGEST} bytes")]
    TooLarge,
    /// It is not Base64.
    #[error("the body is not in Base64")]
    Encoding,
    /// There is nothing in it.
    #[error("the body is empty")]
    Empty,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::CaCerts,
        Self::SimpleEnroll,
        Self::SimpleReenroll,
        Self::CsrAttrs,
        Self::FullCmc,
        Self::ServerKeyGen,
    ];

    /// The end of its address (RFC 7030 §3.2.2).
    pub const fn path(self) -> &'static str {
        match self {
            Self::CaCerts => "cacerts",
            Self::SimpleEnroll => "simpleenroll",
            Self::SimpleReenroll => "simplereenroll",
            Self::CsrAttrs => "csrattrs",
            Self::FullCmc => "fullcmc",
            Self::ServerKeyGen => "serverkeygen",
        }
    }
}

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(text: &str) -> Result<Self, UnknownOperation> {
        Self::ALL.into_iter().find(|operation| operation.path() == text).ok_or(UnknownOperation)
    }
}

/// The DER in a body. It is always in Base64, whatever `Content-Transfer-Encoding` says (RFC 8951 §3.1); white space in it
/// does not count.
pub fn decode(body: &[u8]) -> Result<Vec<u8>, BodyError> {
    if body.len() > LARGEST {
        return Err(BodyError::TooLarge);
    }
    let dense: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let der = BASE64.decode(&dense).map_err(|_| BodyError::Encoding)?;
    if der.is_empty() { Err(BodyError::Empty) } else { Ok(der) }
}

/// A body that holds `der`: Base64 in one line, as strongSwan reads no line feeds.
pub fn encode(der: &[u8]) -> String {
    BASE64.encode(der)
}

/// Certificates in a PKCS#7 message that nobody signs ("certs-only": RFC 5652 §5.1, RFC 8551 §3.8).
pub fn certs_only<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let data = tlv(SEQUENCE, &[tlv::OID_DATA]);
    let mut sorted: Vec<&[u8]> = certificates.into_iter().collect();
    // DER puts the members of a set into the order of their encodings (X.690 §11.6).
    sorted.sort_unstable();
    sorted.dedup();
    let version = tlv(INTEGER, &[&[1]]);
    let none = tlv(SET, &[]);
    let certificates = tlv(CONTEXT_0, &sorted);
    let signed = tlv(SEQUENCE, &[&version, &none, &data, &certificates, &none]);
    let content = tlv(CONTEXT_0, &[&signed]);
    tlv(SEQUENCE, &[tlv::OID_SIGNED_DATA, &content])
}

/// What a request should hold (RFC 7030 §4.5.2, RFC 9908): a P-256 key, ECDSA with SHA-256 and, when there are any, exactly
/// these names. The name of the machine itself (its SPIFFE ID) is the authority's to give and need not be asked for.
pub fn csr_attributes(names: &[ServerName]) -> Vec<u8> {
    let curves = tlv(SET, &[tlv::OID_P256]);
    let key = tlv(SEQUENCE, &[tlv::OID_EC_PUBLIC_KEY, &curves]);
    if names.is_empty() {
        return tlv(SEQUENCE, &[tlv::OID_ECDSA_SHA256, &key]);
    }
    let names: Vec<Vec<u8>> = names.iter().map(general_name).collect();
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let value = tlv(OCTET_STRING, &[&tlv(SEQUENCE, &names)]);
    let extension = tlv(SEQUENCE, &[tlv::OID_ALTERNATIVE_NAME, &value]);
    let extensions = tlv(SET, &[&tlv(SEQUENCE, &[&extension])]);
    let request = tlv(SEQUENCE, &[tlv::OID_EXTENSION_REQUEST, &extensions]);
    tlv(SEQUENCE, &[tlv::OID_ECDSA_SHA256, &key, &request])
}

/// The DNS names and addresses of a certificate, in its order: what its holder may ask for again (RFC 7030 §4.2.2). `None` if
/// it cannot be read.
pub fn names_of(certificate: &[u8]) -> Option<Vec<ServerName>> {
    let (_, x509) = x509_parser::certificate::X509Certificate::from_der(certificate).ok()?;
    let Some(names) = x509.subject_alternative_name().ok()? else { return Some(vec![]) };
    let mut found = vec![];
    for name in &names.value.general_names {
        if let GeneralName::DNSName(name) = name {
            found.push(name.parse().ok()?);
        } else if let GeneralName::IPAddress(octets) = name {
            found.push(ServerName::Ip(address(octets)?));
        }
    }
    Some(found)
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from).ok();
    v4.or_else(|| <[u8; 16]>::try_from(octets).map(IpAddr::from).ok())
}

/// A `GeneralName` (RFC 5280 §4.2.1.6).
fn general_name(name: &ServerName) -> Vec<u8> {
    match name {
        ServerName::Dns(name) => tlv(tlv::DNS_NAME, &[name.as_bytes()]),
        ServerName::Ip(IpAddr::V4(address)) => tlv(tlv::ADDRESS, &[&address.octets()]),
        ServerName::Ip(IpAddr::V6(address)) => tlv(tlv::ADDRESS, &[&address.octets()]),
    }
}

#[cfg(test)]
mod tests;
