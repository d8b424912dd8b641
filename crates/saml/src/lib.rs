//! A minimal, guarded identity provider of SAML 2.0: Web Browser SSO (saml-profiles-2.0-os §4.1) and single logout (§4.4), asked
//! for by an application or by ourselves. No HTTP, no tables.
//!
//! What is read is parsed strictly into plain values, and nothing else of it is used. What is written is generated as canonical
//! XML, so that signing needs no transformation of anybody's document; no XML signature of anybody else is ever processed.
pub mod authn_request;
pub mod binding;
pub mod context;
pub mod identity_provider;
pub mod key;
pub mod logout;
pub mod name_id;
pub mod response;
pub mod service_provider;
pub mod sign_out;
mod xml;

pub use authn_request::{AuthnRequest, RequestError};
pub use binding::{BindingError, RedirectMessage, query_of_form, signed_redirect};
pub use context::{ContextClass, RequestedContext};
pub use identity_provider::IdentityProvider;
pub use key::{CertificateError, Credential, KeyError, SigningKey, VerifyingKey};
pub use logout::{AnswerError, LogoutError, LogoutRequest};
pub use name_id::{NameId, NameIdFormat};
pub use response::{Statement, Status};
pub use service_provider::{AssertionConsumer, MetadataError, ServiceProvider};
pub use sign_out::{AnswerRefused, Question, SignedOut, is_signed_out, read_answer};
pub use xml::XmlError;
