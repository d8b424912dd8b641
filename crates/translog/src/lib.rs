//! The transparency log: tree maths, checkpoints, proofs, offline verification (RFC 9162 §2, C2SP tlog-tiles). No input or output.
//!
//! Every size and index is a count of entries. What comes from outside – proofs, notes, tiles, paths – is bounded, and is
//! refused with a typed error when it is malformed.

pub mod audit;
mod bundle;
mod checkpoint;
mod commitment;
mod cosignature;
mod evidence;
pub mod fuzz;
mod hash;
mod key;
mod log_key;
mod named_key;
mod note;
mod plan;
mod proof;
mod range;
mod tile;
mod tile_path;
pub mod witness;

#[cfg(test)]
mod tree_tests;

pub use bundle::{BundleError, decode_bundle, encode_bundle};
pub use checkpoint::{
    Checkpoint, InvalidCheckpoint, OpenError, SignCheckpointError, open_checkpoint, sign_checkpoint,
};
pub use commitment::commitment;
pub use cosignature::WitnessKey;
pub use evidence::{Evidence, EvidenceError, open_with_any};
pub use hash::{EMPTY_ROOT, Hash, InvalidHash, leaf_hash, node_hash};
pub use key::{Algorithm, BadSignature, InvalidKey, VerifierKey};
pub use log_key::LogKey;
pub use named_key::LogKeyError;
pub use note::{NoteError, NoteSigner, SignError, Signature, SignedNote, Verified};
pub use plan::{
    MissingTile, OutOfTree, Plan, RangePlan, consistency_plan, inclusion_plan, range_plan,
};
pub use proof::{ConsistencyProof, InclusionProof, ProofError};
pub use range::{CompactRange, MAX_SIZE, Node, PeaksMismatch};
pub use tile::{InvalidTile, TILE_WIDTH, TileId, Tiles, tile_from_bytes, tile_to_bytes};
pub use tile_path::{InvalidTilePath, TilePath};
