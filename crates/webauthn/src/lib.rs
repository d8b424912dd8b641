//! WebAuthn Level 3 as the relying party sees it: ceremonies, credentials, attestation policy. Every credential is
//! discoverable and verifies its user, so nobody types a name and nobody learns who has which credential. No tables.
mod attestation;
mod authentication;
pub mod metadata;
mod registration;
mod relying_party;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use attestation::{Attestation, Models};
pub use authentication::{
    Assertion, Authenticated, AuthenticationError, InvalidAnswer, Mediation, Touched,
};
pub use registration::{Authenticator, Registered, Registrant, RegistrationError};
pub use relying_party::{BeginError, Begun, RelyingParty};
