//! The presence statement: what a phone signs that lets its owner in again without her face.
use imp_identity::PhoneId;
use imp_identity::spiffe::SpiffeId;
use imp_identity::tap::{Intent, Purpose};
use jiff::Timestamp;
use minicbor::{Decode, Encode};

use crate::cose::{self, Unverified};
use crate::signer::{SignError, Signer};

/// A phone says: I am near this workstation, in this TLS session, and answered this challenge. It says nothing about who
/// holds it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PresenceStatement {
    /// The server's challenge.
    #[cbor(n(0), with = "crate::wire::bytes32")]
    pub challenge: [u8; 32],
    /// The workstation, as the phone saw it in TLS.
    #[cbor(n(1), with = "crate::wire::text")]
    pub workstation: SpiffeId,
    /// The TLS exporter value (RFC 8446 §7.5) of the session.
    #[cbor(n(2), with = "crate::wire::bytes32")]
    pub exporter: [u8; 32],
    /// What for.
    #[cbor(n(3), with = "crate::wire::text")]
    pub purpose: Purpose,
    /// How the person showed that she wants it.
    #[cbor(n(4), with = "crate::wire::text")]
    pub intent: Intent,
    /// When, by the phone's clock.
    #[cbor(n(5), with = "crate::wire::time")]
    pub at: Timestamp,
}

cose::body!(PresenceStatement, UnverifiedPresenceStatement, "presence-statement");

impl PresenceStatement {
    /// Signs it as `phone`.
    pub fn sign(&self, phone: PhoneId, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        cose::sign(self, phone.into_bytes(), signer)
    }
}

impl Unverified<PresenceStatement> {
    /// The phone that is said to have signed.
    pub const fn phone(&self) -> PhoneId {
        PhoneId::from_bytes(self.key_id())
    }
}
