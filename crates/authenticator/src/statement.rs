//! The tap statement: what a phone signs.
use imp_identity::spiffe::SpiffeId;
use imp_identity::tap::{Intent, Purpose};
use imp_identity::{Digest, PhoneId};
use jiff::Timestamp;
use minicbor::{Decode, Encode};

use crate::cose::{self, Unverified};
use crate::signer::{SignError, Signer};

/// A phone says: I answered this challenge, to this workstation, in this TLS session, with this reference.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TapStatement {
    /// The server's challenge.
    #[cbor(n(0), with = "crate::wire::bytes32")]
    pub challenge: [u8; 32],
    /// The workstation, as the phone saw it in TLS.
    #[cbor(n(1), with = "crate::wire::text")]
    pub workstation: SpiffeId,
    /// The TLS exporter value (RFC 8446 §7.5) of the session.
    #[cbor(n(2), with = "crate::wire::bytes32")]
    pub exporter: [u8; 32],
    /// Digest of the reference that was released.
    #[cbor(n(3), with = "crate::wire::digest")]
    pub reference_digest: Digest,
    /// What for.
    #[cbor(n(4), with = "crate::wire::text")]
    pub purpose: Purpose,
    /// How the person showed that she wants it.
    #[cbor(n(5), with = "crate::wire::text")]
    pub intent: Intent,
    /// When, by the phone's clock.
    #[cbor(n(6), with = "crate::wire::time")]
    pub at: Timestamp,
}

cose::body!(TapStatement, UnverifiedTapStatement, "tap-statement");

impl TapStatement {
    /// Signs it as `phone`.
    pub fn sign(&self, phone: PhoneId, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        cose::sign(self, phone.into_bytes(), signer)
    }
}

impl Unverified<TapStatement> {
    /// The phone that is said to have signed.
    pub const fn phone(&self) -> PhoneId {
        PhoneId::from_bytes(self.key_id())
    }
}
