//! The storage statement: a phone's word that it has sealed a new reference.
use imp_identity::{Digest, PhoneId, ReferenceId};
use jiff::Timestamp;
use minicbor::{Decode, Encode};

use crate::cose::{self, Unverified};
use crate::signer::{SignError, Signer};

/// A phone says: I have sealed this reference.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct StorageStatement {
    /// Names the reference.
    #[cbor(n(0), with = "crate::wire::id")]
    pub reference: ReferenceId,
    /// Digest of what was sealed: SHA-256(salt ‖ template).
    #[cbor(n(1), with = "crate::wire::digest")]
    pub digest: Digest,
    /// When, by the phone's clock.
    #[cbor(n(2), with = "crate::wire::time")]
    pub at: Timestamp,
}

cose::body!(StorageStatement, UnverifiedStorageStatement, "storage-statement");

impl StorageStatement {
    /// Signs it as `phone`.
    pub fn sign(&self, phone: PhoneId, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        cose::sign(self, phone.into_bytes(), signer)
    }
}

impl Unverified<StorageStatement> {
    /// The phone that is said to have signed.
    pub const fn phone(&self) -> PhoneId {
        PhoneId::from_bytes(self.key_id())
    }
}
