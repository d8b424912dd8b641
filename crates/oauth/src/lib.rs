//! OAuth 2.0 and OpenID Connect as the provider sees them: requests, clients, tokens and proofs. No input or output: time,
//! randomness and what others remember are arguments.
pub mod acr;
pub mod audience;
pub mod authorize;
pub mod bearer;
pub mod claims;
pub mod client;
pub mod device;
pub mod discovery;
pub mod dpop;
pub mod error;
pub mod exchange;
pub mod form;
pub mod introspect;
pub mod jose;
mod json;
pub mod keys;
pub mod logout;
pub mod mtls;
pub mod opaque;
pub mod par;
pub mod pkce;
pub mod revoke;
pub mod scope;
pub mod subject;
pub mod token;
pub mod tokens;

pub use audience::Audience;
pub use error::{ErrorCode, OAuthError};
pub use form::Form;
pub use opaque::Opaque;
pub use scope::Scope;
