//! Certificates of IMP (RFC 5280): the authorities, the profiles, the requests. No tables, no files.
//!
//! A root signs issuing authorities only; an issuing authority signs servers, workstations, phones, devices, and the
//! lists of what no longer counts. Machines trust the root, so an issuing authority can be replaced, and the root taken
//! off line, without telling them.
pub mod acme;
pub mod certificate;
pub mod crl;
mod der;
pub mod est;
pub mod issuer;
pub mod key;
pub mod ocsp;
pub mod profile;
pub mod request;

pub use certificate::{Certificate, MalformedCertificate};
pub use crl::{CrlOrder, RevokedSerial};
pub use issuer::{AuthorityKey, ExternalKey, ExternalKeyError, IssueError, Issuer, Validity};
pub use key::{Key, KeyError, KeyKind, PublicKey};
pub use profile::{DeviceProfile, Profile, Publication, ServerName, Usage};
pub use request::{Asked, CertificateRequest, RequestError};
