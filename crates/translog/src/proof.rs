//! Checks of inclusion and consistency proofs (RFC 9162 §2.1.3.2 and §2.1.4.2).
use crate::hash::{EMPTY_ROOT, Hash, node_hash};
use crate::range::MAX_SIZE;

/// The neighbours on the way from a leaf to the root, lowest first (RFC 9162 §2.1.3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InclusionProof(pub Vec<Hash>);

/// The nodes that show that one tree is the beginning of another (RFC 9162 §2.1.4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsistencyProof(pub Vec<Hash>);

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index or a size is not one of such a tree.
    #[error("the proof speaks of an entry or a size that the tree cannot have")]
    OutOfTree,
    /// More or fewer hashes than a proof for these numbers has.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// The proof leads to another root than the older tree's.
    #[error("the proof does not lead to the root of the older tree")]
    OldRoot,
    /// The proof leads to another root.
    #[error("the proof does not lead to the root of the tree")]
    Root,
}

impl InclusionProof {
    /// The root of the tree of `size` entries in which `leaf` stands at `index`, if this proof is genuine.
    pub fn root(&self, index: u64, size: u64, leaf: Hash) -> Result<Hash, ProofError> {
        if index >= size || size > MAX_SIZE {
            return Err(ProofError::OutOfTree);
        }
        let mut walk = Walk { node: index, last: size - 1 };
        let mut root = leaf;
        for neighbour in &self.0 {
            root = match walk.up()? {
                Side::Left => node_hash(*neighbour, root),
                Side::Right => node_hash(root, *neighbour),
            };
        }
        if walk.last == 0 { Ok(root) } else { Err(ProofError::Length) }
    }

    /// The neighbours to the left, lowest first: the perfect subtrees that cover the entries before `index`. They are the whole
    /// proof of that entry in the tree that ends with it, so two proofs of one entry that agree here show that the one tree,
    /// cut after the entry, is the beginning of the other.
    pub fn left(&self, index: u64, size: u64) -> Result<Vec<Hash>, ProofError> {
        if index >= size || size > MAX_SIZE {
            return Err(ProofError::OutOfTree);
        }
        let mut walk = Walk { node: index, last: size - 1 };
        let mut left = Vec::new();
        for neighbour in &self.0 {
            match walk.up()? {
                Side::Left => left.push(*neighbour),
                Side::Right => {}
            }
        }
        if walk.last == 0 { Ok(left) } else { Err(ProofError::Length) }
    }

    /// Whether `leaf` stands at `index` in the tree of `size` entries with this `root`.
    pub fn verify(&self, index: u64, size: u64, leaf: Hash, root: Hash) -> Result<(), ProofError> {
        if self.root(index, size, leaf)? == root { Ok(()) } else { Err(ProofError::Root) }
    }
}

impl ConsistencyProof {
    /// Whether the tree of `old_size` entries is the beginning of the tree of `new_size` entries. Two trees of one size must
    /// be the same tree; the empty tree is the beginning of every tree; in both cases the proof is empty.
    pub fn verify(
        &self,
        old_size: u64,
        old_root: Hash,
        new_size: u64,
        new_root: Hash,
    ) -> Result<(), ProofError> {
        if old_size > new_size || new_size > MAX_SIZE {
            return Err(ProofError::OutOfTree);
        }
        if old_size == 0 || old_size == new_size {
            return self.verify_trivial(old_size, old_root, new_size, new_root);
        }
        let mut walk = Walk { node: old_size - 1, last: new_size - 1 };
        walk.climb(|walk| walk.node & 1 == 1);

        let mut rest = self.0.iter().copied();
        let first = if old_size.is_power_of_two() { Some(old_root) } else { rest.next() };
        let first = first.ok_or(ProofError::Length)?;
        let (mut old, mut new) = (first, first);
        for neighbour in rest {
            match walk.up()? {
                Side::Left => {
                    old = node_hash(neighbour, old);
                    new = node_hash(neighbour, new);
                }
                Side::Right => new = node_hash(new, neighbour),
            }
        }
        match () {
            () if walk.last != 0 => Err(ProofError::Length),
            () if old != old_root => Err(ProofError::OldRoot),
            () if new != new_root => Err(ProofError::Root),
            () => Ok(()),
        }
    }

    fn verify_trivial(
        &self,
        old_size: u64,
        old_root: Hash,
        new_size: u64,
        new_root: Hash,
    ) -> Result<(), ProofError> {
        match () {
            () if !self.0.is_empty() => Err(ProofError::Length),
            () if old_size == 0 && old_root != EMPTY_ROOT => Err(ProofError::OldRoot),
            () if old_size == new_size && old_root != new_root => Err(ProofError::Root),
            () => Ok(()),
        }
    }
}

/// On which side of the path the next neighbour stands.
enum Side {
    Left,
    Right,
}

/// The RFC's `fn` and `sn`: a node and the last node of its level.
struct Walk {
    node: u64,
    last: u64,
}

impl Walk {
    /// To the next level that has a neighbour; an error at the root.
    fn up(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::Length);
        }
        let side = if self.node & 1 == 1 || self.node == self.last {
            // A last node without a neighbour on its own level meets one where it is a right child.
            self.climb(|walk| walk.node & 1 == 0 && walk.node != 0);
            Side::Left
        } else {
            Side::Right
        };
        self.node >>= 1;
        self.last >>= 1;
        Ok(side)
    }

    fn climb(&mut self, more: impl Fn(&Self) -> bool) {
        while more(self) {
            self.node >>= 1;
            self.last >>= 1;
        }
    }
}
