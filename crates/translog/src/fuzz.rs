//! Entry points for fuzzing: each takes any bytes and must neither panic nor grow without bound.
use std::collections::HashMap;

use crate::witness::AddCheckpoint;
use crate::{
    Checkpoint, CompactRange, ConsistencyProof, Hash, InclusionProof, SignedNote, TileId, TilePath,
    VerifierKey, consistency_plan, decode_bundle, inclusion_plan, range_plan, tile_from_bytes,
};

/// Notes, checkpoints, keys and paths: whatever is read again after it was written is the same.
///
/// # Panics
///
/// When a text is read and then written differently: a fault of this crate.
pub fn texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(note) = text.parse::<SignedNote>() {
        assert_eq!(note.to_string(), text);
    }
    if let Ok(checkpoint) = text.parse::<Checkpoint>() {
        assert_eq!(checkpoint.to_string(), text);
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(request) = text.parse::<AddCheckpoint>() {
        assert_eq!(request.to_string(), text);
    }
    if let Ok(path) = text.parse::<TilePath>() {
        assert_eq!(path.to_string(), text);
    }
}

/// Tiles, bundles, peaks and proofs over any sizes.
pub fn trees(bytes: &[u8]) {
    let _ = decode_bundle(bytes);
    let Some((index, rest)) = bytes.split_first_chunk() else { return };
    let Some((size, rest)) = rest.split_first_chunk() else { return };
    let (index, size) = (u64::from_be_bytes(*index), u64::from_be_bytes(*size));
    let _ = CompactRange::from_bytes(size, rest);
    let hashes = tile_from_bytes(rest).unwrap_or_default();
    let root = hashes.first().copied().unwrap_or(Hash([0; 32]));
    let _ = InclusionProof(hashes.clone()).verify(index, size, root, root);
    let _ = ConsistencyProof(hashes.clone()).verify(index, root, size, root);
    let tiles = HashMap::from([(TileId { level: 0, index: 0 }, hashes)]);
    let _ = inclusion_plan(index, size).map(|plan| plan.inclusion(&tiles));
    let _ = consistency_plan(index, size).map(|plan| plan.consistency(&tiles));
    let _ = range_plan(size).map(|plan| plan.range(&tiles));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree_tests::Log;
    use crate::{LogKey, sign_checkpoint, tile_to_bytes};

    /// What is really written, as seeds.
    fn truth() -> Vec<Vec<u8>> {
        let log = Log::sized(300);
        let key = LogKey::generate("ward.example/log").unwrap();
        let origin = "ward.example/log".to_owned();
        let root = log.range.root();
        let checkpoint = Checkpoint { origin, size: 300, root, extensions: vec!["more".into()] };
        let note = sign_checkpoint(&checkpoint, &key).unwrap();
        let proof = consistency_plan(77, 300).unwrap().consistency(&log.tiles).unwrap();
        let request = AddCheckpoint { old_size: 77, proof: proof.clone(), note: note.clone() };
        let path = TilePath::Entries { index: 1_234_067, width: 7 };
        let numbers = [77_u64.to_be_bytes(), 300_u64.to_be_bytes()].concat();
        vec![
            checkpoint.to_string().into(),
            note.to_string().into(),
            request.to_string().into(),
            key.verifier_key().to_string().into(),
            path.to_string().into(),
            [numbers, tile_to_bytes(&proof.0)].concat(),
        ]
    }

    #[test]
    fn damaged_truth_is_survived() {
        for seed in truth() {
            for position in 0..seed.len() {
                for flip in [1, 2, 0x10, 0x20, 0x80, 0xff] {
                    let mut damaged = seed.clone();
                    damaged[position] ^= flip;
                    texts(&damaged);
                    trees(&damaged);
                }
                texts(&seed[..position]);
                trees(&seed[position..]);
            }
        }
    }
}
