//! The log: its proofs, and what a person's own phone is told of it.
use imp_identity::name::Remark;
use imp_identity::{Actor, ErasureId, UserId};
use jiff::Timestamp;
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

/// `POST /v1/log/erasures` by an administrator: asks that one record, or all about a person, be erased. An auditor decides.
/// Answers 201 [`Erasure`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestErasure {
    /// The leaf index of the one entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The person about whom everything is to be erased that may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub user: Option<UserId>,
    /// Why, for the auditor and for the log: 1 to 2000 characters.
    #[schema(value_type = String)]
    pub reason: Remark,
}

/// `POST /v1/log/erasures/{erasure}/refusal` by an auditor. Answers 200 [`Erasure`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefuseErasure {
    /// Why not: 1 to 2000 characters.
    #[schema(value_type = String)]
    pub reason: Remark,
}

/// `GET /v1/log/erasures?before=…&limit=…` by an administrator or auditor: requests to erase, latest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Erasures {
    /// The page.
    pub erasures: Vec<Erasure>,
}

/// A request to erase records of the log, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Erasure {
    /// Names it.
    #[schema(value_type = Uuid)]
    pub id: ErasureId,
    /// The leaf index of the one entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The person about whom everything is to be erased that may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub user: Option<UserId>,
    /// Why.
    pub reason: String,
    /// Who asked.
    #[schema(value_type = Object)]
    pub requested_by: Actor,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub requested_at: Timestamp,
    /// `requested`, `refused`, `approved` (and being carried out) or `done`.
    pub state: String,
    /// The auditor who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub decided_by: Option<UserId>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// Records erased so far.
    pub erased: u64,
}
