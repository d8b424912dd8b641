//! The sign-in statement: a phone's word that its owner wants to be signed on in a browser that she sees.
use imp_identity::PhoneId;
use jiff::Timestamp;
use minicbor::{Decode, Encode};

use crate::cose::{self, Unverified};
use crate::signer::{SignError, Signer};

/// A phone says: the browser that shows this number, at this address, is to be signed on as my owner.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SignInStatement {
    /// The server's challenge.
    #[cbor(n(0), with = "crate::wire::bytes32")]
    pub nonce: [u8; 32],
    /// The origin of the server's pages, as the phone showed it.
    #[n(1)]
    pub origin: String,
    /// The number that she picked.
    #[n(2)]
    pub number: u8,
    /// Whether the phone verified its owner for this, by PIN or biometrics.
    #[n(3)]
    pub verified: bool,
    /// When, by the phone's clock.
    #[cbor(n(4), with = "crate::wire::time")]
    pub at: Timestamp,
}

cose::body!(SignInStatement, UnverifiedSignInStatement, "sign-in-statement");

impl SignInStatement {
    /// Signs it as `phone`.
    pub fn sign(&self, phone: PhoneId, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        cose::sign(self, phone.into_bytes(), signer)
    }
}

impl Unverified<SignInStatement> {
    /// The phone that is said to have signed.
    pub const fn phone(&self) -> PhoneId {
        PhoneId::from_bytes(self.key_id())
    }
}
