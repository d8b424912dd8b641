//! The growing edge of the tree.
use crate::hash::{EMPTY_ROOT, Hash, node_hash};
use crate::proof::InclusionProof;

/// The most entries that a tree may have: what fits a signed 64-bit integer.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// The perfect subtrees that cover a tree from the left: all that is needed to grow it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    /// Roots of the perfect subtrees, largest (leftmost) first: one for every bit that is set in `size`.
    peaks: Vec<Hash>,
}

/// A node of the tree that roots a perfect subtree: it covers the leaves from `position << height`, `1 << height` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// 0 for a leaf.
    pub height: u8,
    /// Counted from the left among the nodes of this height.
    pub position: u64,
    /// Hash of the subtree.
    pub hash: Hash,
}

/// The peaks do not belong to a tree of that size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peaks do not fit a tree of {size} entries")]
pub struct PeaksMismatch {
    /// The size that was claimed.
    pub size: u64,
}

impl CompactRange {
    /// The edge of the tree without entries.
    pub const fn new() -> Self {
        Self { size: 0, peaks: Vec::new() }
    }

    /// The edge that was stored as `peaks`, largest first.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Result<Self, PeaksMismatch> {
        let fits = size <= MAX_SIZE && u32::try_from(peaks.len()) == Ok(size.count_ones());
        if fits { Ok(Self { size, peaks }) } else { Err(PeaksMismatch { size }) }
    }

    /// The edge from its peaks, concatenated.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, PeaksMismatch> {
        let (peaks, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || peaks.len() > 64 {
            return Err(PeaksMismatch { size });
        }
        Self::from_peaks(size, peaks.iter().copied().map(Hash).collect())
    }

    /// The peaks, concatenated, largest first.
    pub fn peaks_bytes(&self) -> Vec<u8> {
        self.peaks.iter().flat_map(|peak| peak.0).collect()
    }

    /// The peaks, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Entries in the tree.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// What a plan collected: it has one peak for every bit of the size.
    pub(crate) const fn collected(size: u64, peaks: Vec<Hash>) -> Self {
        Self { size, peaks }
    }

    /// Appends a leaf, and tells every perfect subtree of height 1 or more that it completes, lowest first.
    pub fn push(&mut self, leaf: Hash, completed: &mut dyn FnMut(Node)) {
        let mut node = Node { height: 0, position: self.size, hash: leaf };
        while node.position & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            let hash = node_hash(left, node.hash);
            node = Node { height: node.height + 1, position: node.position >> 1, hash };
            completed(node);
        }
        self.peaks.push(node.hash);
        self.size += 1;
    }

    /// The root of the tree: the peaks, hashed together from the right.
    pub fn root(&self) -> Hash {
        self.peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(left, right))
            .unwrap_or(EMPTY_ROOT)
    }

    /// The proof of the leaf that is pushed next, in the tree of `size() + 1`: these peaks are its left neighbours.
    pub fn proof_of_next(&self) -> InclusionProof {
        InclusionProof(self.peaks.iter().rev().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;

    #[test]
    fn the_next_leaf_is_proved_from_the_peaks_alone() {
        let mut range = CompactRange::new();
        for index in 0..600_u64 {
            let leaf = leaf_hash(&index.to_be_bytes());
            let proof = range.proof_of_next();
            range.push(leaf, &mut |_| ());
            assert_eq!(proof.verify(index, index + 1, leaf, range.root()), Ok(()));
        }
    }

    #[test]
    fn a_stored_edge_grows_like_the_one_in_memory() {
        let mut range = CompactRange::new();
        for index in 0..300_u64 {
            let leaf = leaf_hash(&index.to_be_bytes());
            let mut stored = CompactRange::from_bytes(range.size(), &range.peaks_bytes()).unwrap();
            assert_eq!(stored, range);
            stored.push(leaf, &mut |_| ());
            range.push(leaf, &mut |_| ());
            assert_eq!(stored.root(), range.root());
        }
    }

    #[test]
    fn every_perfect_subtree_is_told_once() {
        let mut told = Vec::new();
        let mut range = CompactRange::new();
        for index in 0..8_u64 {
            range.push(leaf_hash(&[]), &mut |node| {
                told.push((index, node.height, node.position));
            });
        }
        let expected =
            [(1, 1, 0), (3, 1, 1), (3, 2, 0), (5, 1, 2), (7, 1, 3), (7, 2, 1), (7, 3, 0)];
        assert_eq!(told, expected);
    }

    #[test]
    fn peaks_that_do_not_fit_the_size_are_refused() {
        let one = vec![EMPTY_ROOT];
        assert!(CompactRange::from_peaks(4, one.clone()).is_ok());
        assert_eq!(CompactRange::from_peaks(3, one.clone()), Err(PeaksMismatch { size: 3 }));
        let huge = MAX_SIZE + 1;
        assert_eq!(CompactRange::from_peaks(huge, one), Err(PeaksMismatch { size: huge }));
        assert_eq!(CompactRange::from_bytes(1, &[0; 31]), Err(PeaksMismatch { size: 1 }));
        assert_eq!(CompactRange::from_bytes(0, &[0; 32]), Err(PeaksMismatch { size: 0 }));
        assert_eq!(CompactRange::from_bytes(0, &[]), Ok(CompactRange::new()));
    }
}
