//! The reference credential: the server's word that a template is the enrolled one.
use imp_identity::enrolment::Assurance;
use imp_identity::{Digest, PhoneId, ReferenceId, UserId};
use jiff::Timestamp;
use minicbor::{Decode, Encode};

use crate::cose;

/// The server says: the template with this digest describes this user's face. The phone keeps it beside the template.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReferenceCredential {
    /// Names the reference.
    #[cbor(n(0), with = "crate::wire::id")]
    pub reference: ReferenceId,
    /// Whose face it describes.
    #[cbor(n(1), with = "crate::wire::id")]
    pub user: UserId,
    /// The phone that keeps it.
    #[cbor(n(2), with = "crate::wire::id")]
    pub phone: PhoneId,
    /// [`reference_digest`] of salt and template.
    #[cbor(n(3), with = "crate::wire::digest")]
    pub digest: Digest,
    /// The models that made it, as `name@version`.
    #[cbor(n(4), with = "crate::wire::label")]
    pub model_set: String,
    /// When it was made.
    #[cbor(n(5), with = "crate::wire::time")]
    pub enrolled_at: Timestamp,
    /// Who supervised.
    #[cbor(n(6), with = "crate::wire::id")]
    pub enrolled_by: UserId,
    /// How sure it is that the face belongs to the person.
    #[cbor(n(7), with = "crate::wire::text")]
    pub assurance: Assurance,
    /// First instant at which it no longer counts.
    #[cbor(n(8), with = "crate::wire::time")]
    pub expires_at: Timestamp,
}

cose::body!(ReferenceCredential, UnverifiedReferenceCredential, "reference-credential");
cose::signed_by_server!(ReferenceCredential);

/// SHA-256(salt ‖ template): what the server keeps of a reference.
pub fn reference_digest(salt: &[u8; 32], template: &[u8]) -> Digest {
    Digest::of(&[salt, template])
}
