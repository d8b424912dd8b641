//! The match evidence: what a workstation signs. Never a picture, never a template.
use imp_identity::tap::{Purpose, Step};
use imp_identity::{Digest, WorkstationId};
use jiff::Timestamp;
use minicbor::{Decode, Encode};

use crate::cose::{self, Unverified};
use crate::signer::{SignError, Signer};

/// A workstation says: I asked this challenge in this TLS session, was given this reference, and compared it so.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct MatchEvidence {
    /// The server's challenge.
    #[cbor(n(0), with = "crate::wire::bytes32")]
    pub challenge: [u8; 32],
    /// The TLS exporter value (RFC 8446 §7.5) of the session.
    #[cbor(n(1), with = "crate::wire::bytes32")]
    pub exporter: [u8; 32],
    /// Digest of what the phone actually released: SHA-256(salt ‖ template).
    #[cbor(n(2), with = "crate::wire::digest")]
    pub reference_digest: Digest,
    /// What for.
    #[cbor(n(3), with = "crate::wire::text")]
    pub purpose: Purpose,
    /// The comparison with the reference.
    #[n(4)]
    pub comparison: Comparison,
    /// Presentation-attack detection (ISO/IEC 30107-1).
    #[n(5)]
    pub attack: AttackCheck,
    /// Whether a mask was worn.
    #[n(6)]
    pub mask: bool,
    /// The models, as `name@version`.
    #[cbor(n(7), with = "crate::wire::label")]
    pub model_set: String,
    /// How many frames were used.
    #[n(8)]
    pub frames: u16,
    /// How long each step took.
    #[cbor(n(9), with = "crate::wire::steps")]
    pub steps: Vec<Step>,
    /// When, by the workstation's clock.
    #[cbor(n(10), with = "crate::wire::time")]
    pub at: Timestamp,
}

/// A comparison (ISO/IEC 2382-37 §37.05.07) and its decision.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Comparison {
    /// The decision: a match when the similarity is at least the threshold.
    #[n(0)]
    pub outcome: ComparisonOutcome,
    /// The comparison score; 0 when nothing was compared.
    #[cbor(n(1), with = "crate::wire::float")]
    pub similarity: f32,
    /// The threshold.
    #[cbor(n(2), with = "crate::wire::float")]
    pub threshold: f32,
}

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ComparisonOutcome {
    /// The same person.
    #[n(0)]
    Match,
    /// Not the same person.
    #[n(1)]
    NonMatch,
    /// There was nothing to compare.
    #[n(2)]
    NotCompared,
}

/// Presentation-attack detection and its decision.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct AttackCheck {
    /// The decision: bona fide when the score is at least the threshold.
    #[n(0)]
    pub outcome: AttackOutcome,
    /// How likely a live face is; 0 when nothing was assessed.
    #[cbor(n(1), with = "crate::wire::float")]
    pub score: f32,
    /// The threshold.
    #[cbor(n(2), with = "crate::wire::float")]
    pub threshold: f32,
}

/// What came of presentation-attack detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AttackOutcome {
    /// A live face.
    #[n(0)]
    BonaFide,
    /// A photograph, a screen, a printed mask.
    #[n(1)]
    Attack,
    /// There was nothing to assess.
    #[n(2)]
    NotAssessed,
}

cose::body!(MatchEvidence, UnverifiedMatchEvidence, "match-evidence");

impl MatchEvidence {
    /// Signs it as `workstation`.
    pub fn sign(
        &self,
        workstation: WorkstationId,
        signer: &dyn Signer,
    ) -> Result<Vec<u8>, SignError> {
        cose::sign(self, workstation.into_bytes(), signer)
    }
}

impl Unverified<MatchEvidence> {
    /// The workstation that is said to have signed.
    pub const fn workstation(&self) -> WorkstationId {
        WorkstationId::from_bytes(self.key_id())
    }
}
