//! The log: its proofs, and what a person's own phone is told of it.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bytes::Base64;

/// Most entries of a page of [`OwnUses`].
pub const MOST_USES: u32 = 100;

/// `GET /v1/log/key`: what checkpoints are checked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogKey {
    /// The log's name, the first line of its checkpoints.
    pub origin: String,
    /// The key that signs checkpoints, as a verifier key of C2SP signed-note: `<name>+<key ID>+<key>`.
    pub key: String,
}

/// `GET /v1/log/inclusion?index=…&size=…`: that the entry stands in the tree of that size (RFC 9162 §2.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Inclusion {
    /// The entry's leaf index.
    pub index: u64,
    /// Entries in the tree.
    pub size: u64,
    /// The hash of the entry's leaf.
    pub leaf: Base64,
    /// The hashes from the leaf to the root, lowest first.
    pub proof: Vec<Base64>,
}

/// `GET /v1/log/consistency?from=…&to=…`: that the one tree is the beginning of the other (RFC 9162 §2.1.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Consistency {
    /// Entries in the smaller tree.
    pub from: u64,
    /// Entries in the larger tree.
    pub to: u64,
    /// The hashes.
    pub proof: Vec<Base64>,
}

/// `GET /v1/me/uses?size=…&after=…` by a phone: what the log holds about its owner, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnUses {
    /// Entries in the tree of which the proofs are.
    pub size: u64,
    /// At most [`MOST_USES`].
    pub entries: Vec<OwnUse>,
    /// Whether there are more after the last one.
    pub more: bool,
}

/// One entry about the asking phone's owner, with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnUse {
    /// Its leaf index.
    pub index: u64,
    /// What the leaf holds: SHA-256 over salt and record.
    pub commitment: Base64,
    /// The exact text of the record; absent when it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The salt of the commitment; absent when it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Base64>,
    /// The hashes from the leaf to the root, lowest first.
    pub proof: Vec<Base64>,
    /// How the workstation is called now. Not part of the record, and not proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workstation_label: Option<String>,
}
