//! Authorization requests (RFC 6749 §4.1, OpenID Connect Core §3.1.2) and their answers.
pub mod claims_request;
pub mod request;
pub mod response;

pub use claims_request::{ClaimRequest, ClaimsRequest};
pub use request::{AuthorizationRequest, Prompt, client_id, validate};
pub use response::{AuthorizationResponse, Refusal, ResponseMode};
