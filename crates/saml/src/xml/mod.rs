//! XML as SAML needs it: a strict reader, and a writer of canonical documents.
mod read;
mod write;

pub use read::XmlError;
pub(crate) use read::{Bounds, Element, read};
pub(crate) use write::{Node, node};

/// saml-core-2.0-os §1.2.
pub(crate) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// saml-core-2.0-os §1.2.
pub(crate) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// saml-metadata-2.0-os §1.2.
pub(crate) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// xmldsig-core1 §1.2.
pub(crate) const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Envelopes of messages (SOAP 1.1 §4).
pub(crate) const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
