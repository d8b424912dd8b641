//! Evidence: a record with everything that proves its place in the log, as receipts carry it.
use crate::checkpoint::{Checkpoint, OpenError, open_checkpoint};
use crate::commitment::commitment;
use crate::hash::{Hash, leaf_hash};
use crate::key::VerifierKey;
use crate::note::{NoteError, SignedNote};
use crate::proof::{InclusionProof, ProofError};

/// A record, and the claim that the log holds it.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Its place: the leaf index.
    pub index: u64,
    /// Its exact text.
    pub record: &'a str,
    /// The salt of its commitment.
    pub salt: &'a [u8; 32],
    /// The hashes from its leaf to the root of the checkpoint.
    pub proof: &'a [[u8; 32]],
    /// The signed note.
    pub checkpoint: &'a str,
}

/// Why the evidence proves nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// The checkpoint is not the log's.
    #[error("the checkpoint does not count")]
    Checkpoint(#[from] OpenError),
    /// The record is not in the tree of the checkpoint.
    #[error("the record, with its salt and proof, is not in the tree of the checkpoint")]
    Inclusion(#[from] ProofError),
}

impl Evidence<'_> {
    /// The leaf that the record and its salt make.
    pub fn leaf(&self) -> Hash {
        leaf_hash(&commitment(self.salt, self.record))
    }

    /// The proof, to compute with.
    pub fn inclusion(&self) -> InclusionProof {
        InclusionProof(self.proof.iter().copied().map(Hash).collect())
    }

    /// The checkpoint in whose tree the record stands, if one of `keys` signed it: the keys that the log has or had.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Checkpoint, EvidenceError> {
        let checkpoint = open_with_any(self.checkpoint, keys)?;
        self.verify_in(&checkpoint)?;
        Ok(checkpoint)
    }

    /// Whether the record stands in the tree of `checkpoint`, whoever signed that.
    pub fn verify_in(&self, checkpoint: &Checkpoint) -> Result<(), ProofError> {
        let Checkpoint { size, root, .. } = *checkpoint;
        self.inclusion().verify(self.index, size, self.leaf(), root)
    }
}

/// Opens a checkpoint that one of `keys` signed: a log's key may have been replaced.
pub fn open_with_any(note: &str, keys: &[VerifierKey]) -> Result<Checkpoint, OpenError> {
    let mut refused = OpenError::Note(NoteError::NoTrustedSignature);
    for key in keys {
        match open_checkpoint(note, key) {
            Ok(checkpoint) => return Ok(checkpoint),
            // A key that did not sign says less than one whose signature does not hold.
            Err(OpenError::Note(NoteError::NoTrustedSignature)) => {}
            Err(error) => refused = error,
        }
    }
    if keys.is_empty() {
        note.parse::<SignedNote>()?;
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::sign_checkpoint;
    use crate::log_key::LogKey;
    use crate::range::CompactRange;

    struct Log {
        key: LogKey,
        entries: Vec<(String, [u8; 32], InclusionProof, String)>,
    }

    fn log(entries: u8) -> Log {
        let key = LogKey::generate("ward.example/log").unwrap();
        let mut range = CompactRange::new();
        let mut made = Vec::new();
        for number in 0..entries {
            let (record, salt) = (format!("{{\"n\":{number}}}"), [number; 32]);
            let proof = range.proof_of_next();
            range.push(leaf_hash(&commitment(&salt, &record)), &mut |_| {});
            let checkpoint = Checkpoint {
                origin: "ward.example/log".into(),
                size: range.size(),
                root: range.root(),
                extensions: Vec::new(),
            };
            made.push((
                record,
                salt,
                proof,
                sign_checkpoint(&checkpoint, &key).unwrap().to_string(),
            ));
        }
        Log { key, entries: made }
    }

    fn hashes(proof: &InclusionProof) -> Vec<[u8; 32]> {
        proof.0.iter().map(|hash| hash.0).collect()
    }

    #[test]
    fn evidence_of_every_entry_holds_and_a_change_anywhere_is_noticed() {
        let log = log(23);
        let keys = [log.key.verifier_key().clone()];
        for (index, (record, salt, proof, checkpoint)) in (0..).zip(&log.entries) {
            let proof = hashes(proof);
            let good = Evidence { index, record, salt, proof: &proof, checkpoint };
            assert_eq!(good.verify(&keys).unwrap().size, index + 1);
            let record = record.replace('n', "m");
            let changed = Evidence { record: &record, ..good };
            assert_eq!(changed.verify(&keys), Err(ProofError::Root.into()));
            let changed = Evidence { salt: &[99; 32], ..good };
            assert_eq!(changed.verify(&keys), Err(ProofError::Root.into()));
            let changed = Evidence { index: index + 1, ..good };
            assert!(matches!(changed.verify(&keys), Err(EvidenceError::Inclusion(_))));
            for place in 0..proof.len() {
                let mut other = proof.clone();
                other[place][7] ^= 1;
                let changed = Evidence { proof: &other, ..good };
                assert_eq!(changed.verify(&keys), Err(ProofError::Root.into()));
            }
            let stranger = LogKey::generate("ward.example/log").unwrap();
            let refused = good.verify(&[stranger.verifier_key().clone()]);
            assert!(matches!(refused, Err(EvidenceError::Checkpoint(OpenError::Note(_)))));
            assert!(good.verify(&[]).is_err());
            let both = [stranger.verifier_key().clone(), keys[0].clone()];
            assert!(good.verify(&both).is_ok(), "a former key counts");
        }
    }

    #[test]
    fn the_left_part_of_a_proof_is_the_proof_in_the_tree_that_ends_with_the_entry() {
        let log = crate::tree_tests::Log::sized(300);
        for index in [0, 1, 2, 3, 7, 8, 100, 255, 256, 257, 298, 299] {
            for size in index + 1..=300 {
                let proof = |size| {
                    let plan = crate::inclusion_plan(index, size).unwrap();
                    plan.inclusion(&log.tiles).unwrap()
                };
                let (whole, at_once) = (proof(size), proof(index + 1));
                assert_eq!(whole.left(index, size).as_ref(), Ok(&at_once.0), "{index} in {size}");
                let leaf = leaf_hash(&index.to_be_bytes());
                let root = log.roots[usize::try_from(index + 1).unwrap()];
                assert_eq!(at_once.verify(index, index + 1, leaf, root), Ok(()));
                let mut longer = whole.clone();
                longer.0.push(leaf);
                assert_eq!(longer.left(index, size), Err(ProofError::Length));
            }
            assert_eq!(proof_of_nothing().left(index, index), Err(ProofError::OutOfTree));
        }
    }

    fn proof_of_nothing() -> InclusionProof {
        InclusionProof(Vec::new())
    }
}
