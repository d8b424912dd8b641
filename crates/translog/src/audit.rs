//! The offline check of a whole log: every entry in order, every tile, every checkpoint. It reads nothing itself: whoever runs
//! it feeds the entries, one pass, in memory that grows with the height of the tree only. The first thing that is wrong ends it.
use std::collections::BTreeMap;

use crate::checkpoint::Checkpoint;
use crate::commitment::commitment;
use crate::hash::{Hash, leaf_hash};
use crate::range::{CompactRange, Node};
use crate::tile::{TILE_WIDTH, TileId, tile_from_bytes};

/// A check under way.
#[derive(Debug)]
pub struct Audit {
    size: u64,
    edge: CompactRange,
    /// The hashes so far of the last tile of each level.
    open: Vec<Vec<Hash>>,
    /// Roots that checkpoints state, by size, which were not reached yet.
    stated: BTreeMap<u64, Hash>,
}

/// An entry as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct StoredEntry<'a> {
    /// Its place.
    pub index: u64,
    /// What stands in the log.
    pub commitment: &'a [u8],
    /// What it stands for.
    pub content: Content<'a>,
}

/// What is known of the record of an entry.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// Nothing: outsiders see commitments only.
    Unseen,
    /// The record and its salt, as far as they are there. Both are missing once the record is erased.
    Stored {
        /// The salt of the commitment, 32 bytes.
        salt: Option<&'a [u8]>,
        /// The exact text.
        record: Option<&'a str>,
    },
}

/// A tile as it follows from the entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputedTile {
    /// Which tile.
    pub id: TileId,
    /// Its hashes, 1 to 256.
    pub hashes: Vec<Hash>,
}

/// The first thing that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// A gap.
    #[error("entry {expected} is missing: entry {found} follows the one before it")]
    Missing {
        /// The entry that is not there.
        expected: u64,
        /// The next one that is.
        found: u64,
    },
    /// An entry that was already there.
    #[error("entry {found} stands twice, or out of order, before entry {expected}")]
    Repeated {
        /// The entry whose turn it was.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// What stands in the log is not a commitment.
    #[error("the commitment of entry {index} is not 32 bytes long")]
    Commitment {
        /// The entry.
        index: u64,
    },
    /// The record is not what was logged.
    #[error(
        "the record of entry {index} is not the one that was logged: record, salt or commitment was changed"
    )]
    Record {
        /// The entry.
        index: u64,
    },
    /// Half of a record.
    #[error("entry {index} has a record without a salt of 32 bytes, or a salt without a record")]
    Half {
        /// The entry.
        index: u64,
    },
    /// Fewer entries than the checkpoint states.
    #[error("the log ends after {found} entries, but its checkpoint states {size}")]
    Short {
        /// Entries that the checkpoint states.
        size: u64,
        /// Entries that are there.
        found: u64,
    },
    /// More entries than the checkpoint states.
    #[error("entry {index} stands beyond the {size} entries that the checkpoint states")]
    Surplus {
        /// Entries that the checkpoint states.
        size: u64,
        /// The entry.
        index: u64,
    },
    /// The entries are not those that a checkpoint covers.
    #[error(
        "the first {size} entries are not those of the checkpoint of that size: one of them, or their number, was changed"
    )]
    Root {
        /// Entries that the checkpoint states.
        size: u64,
    },
    /// Two checkpoints of one size say different things: the log has shown two histories.
    #[error(
        "two checkpoints of {size} entries state different roots: the log has shown two histories"
    )]
    SplitView {
        /// Their size.
        size: u64,
    },
    /// The log was larger than it is.
    #[error(
        "a checkpoint states {earlier} entries, but the log says it has only {size}: it was cut or exchanged for an older one"
    )]
    RolledBack {
        /// Entries that the earlier checkpoint states.
        earlier: u64,
        /// Entries that the latest checkpoint states.
        size: u64,
    },
    /// A checkpoint came too late to be compared.
    #[error("the checkpoint of {size} entries was not compared with the log")]
    NotCompared {
        /// Its size.
        size: u64,
    },
    /// No such tile is stored.
    #[error("tile {} of level {} is missing", id.index, id.level)]
    TileMissing {
        /// Which tile.
        id: TileId,
    },
    /// A tile of the wrong length.
    #[error("tile {} of level {} has not the {width} hashes that it should have", id.index, id.level)]
    TileWidth {
        /// Which tile.
        id: TileId,
        /// Hashes that it should have.
        width: usize,
    },
    /// A tile with a wrong hash.
    #[error("tile {} of level {} does not fit the entries from {first} to {last}", id.index, id.level)]
    Tile {
        /// Which tile.
        id: TileId,
        /// First entry under the wrong hash.
        first: u64,
        /// Last entry under the wrong hash.
        last: u64,
    },
}

impl Audit {
    /// Begins the check of the log that this checkpoint states; its signature was checked before.
    pub fn new(checkpoint: &Checkpoint) -> Self {
        let stated = BTreeMap::from([(checkpoint.size, checkpoint.root)]);
        Self { size: checkpoint.size, edge: CompactRange::new(), open: Vec::new(), stated }
    }

    /// Entries that were checked.
    pub const fn checked(&self) -> u64 {
        self.edge.size()
    }

    /// Root of the entries that were checked.
    pub fn root(&self) -> Hash {
        self.edge.root()
    }

    /// The growing edge of the entries that were checked.
    pub const fn edge(&self) -> &CompactRange {
        &self.edge
    }

    /// Another checkpoint of the same log – stored, cosigned or kept by an auditor – that the entries must lead to. It has to
    /// be told before its last entry is given.
    pub fn expect(&mut self, earlier: &Checkpoint) -> Result<(), Wrong> {
        let size = earlier.size;
        if size > self.size {
            return Err(Wrong::RolledBack { earlier: size, size: self.size });
        }
        if size == self.edge.size() {
            return if earlier.root == self.root() { Ok(()) } else { Err(Wrong::Root { size }) };
        }
        match self.stated.insert(size, earlier.root) {
            Some(root) if root != earlier.root => Err(Wrong::SplitView { size }),
            Some(_) | None => Ok(()),
        }
    }

    /// Checks the next entry, and answers the tiles that it completes.
    pub fn entry(&mut self, entry: &StoredEntry<'_>) -> Result<Vec<ComputedTile>, Wrong> {
        let expected = self.edge.size();
        let found = entry.index;
        match found.cmp(&expected) {
            std::cmp::Ordering::Greater => return Err(Wrong::Missing { expected, found }),
            std::cmp::Ordering::Less => return Err(Wrong::Repeated { expected, found }),
            std::cmp::Ordering::Equal if found >= self.size => {
                return Err(Wrong::Surplus { size: self.size, index: found });
            }
            std::cmp::Ordering::Equal => check_content(entry)?,
        }
        let complete = self.push(leaf_hash(entry.commitment));
        let size = self.edge.size();
        if self.stated.remove(&size).is_some_and(|root| root != self.edge.root()) {
            return Err(Wrong::Root { size });
        }
        Ok(complete)
    }

    /// Ends the check, and answers the tiles that are not full.
    pub fn finish(mut self) -> Result<Vec<ComputedTile>, Wrong> {
        let found = self.edge.size();
        if found < self.size {
            return Err(Wrong::Short { size: self.size, found });
        }
        if self.stated.remove(&0).is_some_and(|root| root != crate::EMPTY_ROOT) {
            return Err(Wrong::Root { size: 0 });
        }
        if let Some((&size, _)) = self.stated.first_key_value() {
            return Err(Wrong::NotCompared { size });
        }
        let open = std::mem::take(&mut self.open);
        let tiles = (0_u8..).zip(open).filter(|(_, hashes)| !hashes.is_empty());
        Ok(tiles.map(|(level, hashes)| last_tile(level, found, hashes)).collect())
    }

    fn push(&mut self, leaf: Hash) -> Vec<ComputedTile> {
        let mut nodes = vec![Node { height: 0, position: self.edge.size(), hash: leaf }];
        self.edge.push(leaf, &mut |node| {
            if node.height.is_multiple_of(8) {
                nodes.push(node);
            }
        });
        let mut complete = Vec::new();
        for node in nodes {
            let level = node.height / 8;
            self.open.resize(self.open.len().max(usize::from(level) + 1), Vec::new());
            let hashes = &mut self.open[usize::from(level)];
            hashes.push(node.hash);
            if hashes.len() == usize::from(TILE_WIDTH) {
                let hashes = std::mem::take(hashes);
                complete
                    .push(ComputedTile { id: TileId { level, index: node.position >> 8 }, hashes });
            }
        }
        complete
    }
}

/// The tile at the right edge of a level of the tree of `size` entries.
fn last_tile(level: u8, size: u64, hashes: Vec<Hash>) -> ComputedTile {
    let index = size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0);
    ComputedTile { id: TileId { level, index }, hashes }
}

impl ComputedTile {
    /// Whether the stored tile is this one, hash for hash.
    pub fn compare(&self, stored: Option<&[u8]>) -> Result<(), Wrong> {
        let (id, width) = (self.id, self.hashes.len());
        let stored = stored.ok_or(Wrong::TileMissing { id })?;
        let stored = tile_from_bytes(stored).map_err(|_| Wrong::TileWidth { id, width })?;
        if stored.len() != width {
            return Err(Wrong::TileWidth { id, width });
        }
        let differs = |(ours, theirs): (&Hash, &Hash)| ours != theirs;
        match self.hashes.iter().zip(&stored).position(differs) {
            None => Ok(()),
            Some(position) => Err(self.wrong_at(position as u64)),
        }
    }

    fn wrong_at(&self, position: u64) -> Wrong {
        let height = 8 * u32::from(self.id.level);
        let node = (self.id.index << 8) + position;
        let first = node.checked_shl(height).unwrap_or(0);
        let count = 1_u64.checked_shl(height).unwrap_or(1);
        Wrong::Tile { id: self.id, first, last: first + (count - 1) }
    }
}

fn check_content(entry: &StoredEntry<'_>) -> Result<(), Wrong> {
    let index = entry.index;
    if entry.commitment.len() != 32 {
        return Err(Wrong::Commitment { index });
    }
    match entry.content {
        Content::Unseen | Content::Stored { salt: None, record: None } => Ok(()),
        Content::Stored { salt: Some(salt), record: Some(record) } => {
            let salt = salt.try_into().map_err(|_| Wrong::Half { index })?;
            let genuine = commitment(salt, record) == entry.commitment;
            if genuine { Ok(()) } else { Err(Wrong::Record { index }) }
        }
        Content::Stored { .. } => Err(Wrong::Half { index }),
    }
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
