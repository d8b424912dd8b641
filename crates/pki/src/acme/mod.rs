//! ACME (RFC 8555): what a server checks and remembers, without tables, sockets or clocks.
//!
//! A request is a signed envelope ([`jws`]) of an account's [`key`]; an [`order`] has an [`authorization`] for each
//! [`identifier`], which a [`challenge`] proves; a certificate request ([`csr`]) must ask for exactly what was ordered. Everything
//! that is refused has its own error, and each error its problem ([`problem`]) and its word for the log.
pub mod account;
pub mod attestation;
pub mod authorization;
pub mod binding;
pub mod challenge;
pub mod csr;
pub mod identifier;
pub mod jws;
pub mod key;
pub mod nonce;
pub mod order;
pub mod problem;
pub mod renewal;
pub mod revocation;
pub mod rollover;
pub mod tls_alpn;

pub use authorization::{Authorization, AuthorizationId, AuthorizationState};
pub use challenge::{ChallengeKind, KeyAuthorization, Token};
pub use identifier::Identifier;
pub use jws::{Envelope, JwsError, Request, Signer};
pub use key::AccountKey;
pub use nonce::{NonceError, Nonces};
pub use order::{NewOrder, Order, OrderState};
pub use problem::{Problem, ProblemType, Refused};
pub use renewal::CertificateId;

#[cfg(test)]
pub(crate) mod testing;
