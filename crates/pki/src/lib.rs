//! Certificates of IMP (RFC 5280): the authorities, the profiles, the requests. No tables, no files.
//!
//! A root signs issuing authorities only; an issuing authority signs servers, workstations and phones. Machines trust
//! the root, so an issuing authority can be replaced, and the root taken off line, without telling them.
pub mod certificate;
pub mod issuer;
pub mod key;
pub mod profile;
pub mod request;

pub use certificate::{Certificate, MalformedCertificate};
pub use issuer::{IssueError, Issuer};
pub use key::{Key, KeyError, PublicKey};
pub use profile::{Profile, ServerName};
pub use request::{CertificateRequest, RequestError};
