//! Applications: what is registered of them (RFC 7591, OpenID Connect Dynamic Client Registration 1.0), and how they prove
//! who they are.
pub mod assertion;
pub mod authentication;
mod document;
pub mod metadata;
pub mod redirect;
pub mod registration;

pub use authentication::{ClientProof, Credentials, Expectation, Presented};
pub use metadata::{
    ApplicationType, AuthMethod, CertificateName, ClientKeys, Consent, GrantType, InvalidMetadata,
    Metadata, OfflineAccess, OnSuspend, SignOutSignal, SubjectType,
};
pub use redirect::{InvalidUri, RedirectUri};
pub use registration::{Registration, RegistrationPolicy};
