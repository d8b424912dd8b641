//! The roster: whom a workstation may expect, signed by the server and short-lived.
use imp_identity::spiffe::TrustDomain;
use imp_identity::{Digest, PhoneId, ReferenceId, UserId};
use jiff::Timestamp;
use minicbor::{Decode, Encode};

use crate::cose;
use crate::offline::OfflineTerms;

/// The longest signed roster, in bytes: room for some 50,000 people.
pub const LIMIT: usize = 16 * 1024 * 1024;

/// The server says: these phones may tap.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Roster {
    /// The installation.
    #[cbor(n(0), with = "crate::wire::text")]
    pub trust_domain: TrustDomain,
    /// When it was made.
    #[cbor(n(1), with = "crate::wire::time")]
    pub issued_at: Timestamp,
    /// First instant at which it no longer counts.
    #[cbor(n(2), with = "crate::wire::time")]
    pub expires_at: Timestamp,
    /// One for each bound phone.
    #[n(3)]
    pub entries: Vec<RosterEntry>,
    /// The version of the policy in force.
    #[n(4)]
    pub policy_version: u32,
    /// By what a workstation decides without the server; if absent, it does not.
    #[n(5)]
    pub offline: Option<OfflineTerms>,
}

/// One bound phone and its user.
#[derive(Clone, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct RosterEntry {
    /// The phone.
    #[cbor(n(0), with = "crate::wire::id")]
    pub phone: PhoneId,
    /// Whose it is.
    #[cbor(n(1), with = "crate::wire::id")]
    pub user: UserId,
    /// What she signs in as.
    #[cbor(n(2), with = "crate::wire::label")]
    pub username: String,
    /// How she is shown to people.
    #[cbor(n(3), with = "crate::wire::label")]
    pub display_name: String,
    /// The key of the phone's rotating identifier on the air.
    #[cbor(n(4), with = "crate::wire::bytes32")]
    pub identifier_key: [u8; 32],
    /// The phone's key: a P-256 `SubjectPublicKeyInfo` in DER.
    #[cbor(n(5), with = "crate::wire::blob")]
    pub public_key: Vec<u8>,
    /// Her active reference and its digest.
    #[cbor(n(6), with = "crate::wire::optional_reference")]
    pub reference: Option<(ReferenceId, Digest)>,
    /// Whether she may be authenticated.
    #[n(7)]
    pub active: bool,
}

cose::body!(Roster, UnverifiedRoster, "roster", LIMIT);
cose::signed_by_server!(Roster);

impl Roster {
    /// What is known of a phone.
    pub fn entry(&self, phone: PhoneId) -> Option<&RosterEntry> {
        self.entries.iter().find(|entry| entry.phone == phone)
    }

    /// Whether it counts at `now`.
    pub fn is_current(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

impl std::fmt::Debug for RosterEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RosterEntry")
            .field("phone", &self.phone)
            .field("user", &self.user)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}
