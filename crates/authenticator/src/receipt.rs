//! The receipt: the server's word to the user about a use of her face, with the log's proof of it.
use imp_identity::tap::Purpose;
use imp_identity::{EventId, SessionId, UserId, WorkstationId};
use jiff::Timestamp;
use minicbor::{Decode, Encode};

use crate::cose;

/// Longest receipt, in bytes: the record, the checkpoint, the proof and 5 KiB for the rest.
pub const LIMIT: usize = 48 * 1024;
/// Longest record, in bytes of JSON: the evidence of a tap has at most 8 KiB of steps, which JSON writes in at most 24.
pub const RECORD_LIMIT: usize = 32 * 1024;
/// Longest checkpoint, in bytes: room for some 50 witnesses.
pub const CHECKPOINT_LIMIT: usize = 8 * 1024;
/// Most hashes of an inclusion proof: a tree has at most 2^64 leaves.
pub const PROOF_LIMIT: usize = 64;

/// The server says: this is in the log about you. The phone keeps it.
///
/// Record, salt, proof and checkpoint are the evidence; this package only carries them. The other fields say the same
/// for a screen: who keeps a receipt must check that they agree with the record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Receipt {
    /// Names the log's record.
    #[cbor(n(0), with = "crate::wire::id")]
    pub event: EventId,
    /// The record's place in the log: its leaf index (RFC 9162 §2.1), from 0.
    #[n(1)]
    pub index: u64,
    /// The event's name, such as `tap-accepted`.
    #[cbor(n(2), with = "crate::wire::label")]
    pub kind: String,
    /// When it was appended.
    #[cbor(n(3), with = "crate::wire::time")]
    pub at: Timestamp,
    /// Whom it is about; nobody when it is about a workstation alone, such as its certificate.
    #[cbor(n(4), with = "crate::wire::optional_id")]
    pub user: Option<UserId>,
    /// Where.
    #[cbor(n(5), with = "crate::wire::optional_id")]
    pub workstation: Option<WorkstationId>,
    /// How the workstation is shown to people; empty without one.
    #[cbor(n(6), with = "crate::wire::label")]
    pub workstation_label: String,
    /// What for.
    #[cbor(n(7), with = "crate::wire::optional_text")]
    pub purpose: Option<Purpose>,
    /// The session that was opened, resumed, stepped up or ended.
    #[cbor(n(8), with = "crate::wire::optional_id")]
    pub session: Option<SessionId>,
    /// The record as it was written: its exact JSON text, at most [`RECORD_LIMIT`].
    #[cbor(n(9), with = "crate::wire::record")]
    pub record: String,
    /// The salt of the record's commitment.
    #[cbor(n(10), with = "crate::wire::bytes32")]
    pub salt: [u8; 32],
    /// The hashes from the record's leaf to the checkpoint's root (RFC 9162 §2.1.3), at most [`PROOF_LIMIT`].
    #[cbor(n(11), with = "crate::wire::hashes")]
    pub proof: Vec<[u8; 32]>,
    /// The checkpoint: the text of a signed note (C2SP tlog-checkpoint), at most [`CHECKPOINT_LIMIT`].
    #[cbor(n(12), with = "crate::wire::checkpoint")]
    pub checkpoint: String,
}

cose::body!(Receipt, UnverifiedReceipt, "receipt", LIMIT);
cose::signed_by_server!(Receipt);
