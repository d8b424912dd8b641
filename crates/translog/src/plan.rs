//! Which tiles a proof is made from, and the proof from them (RFC 9162 §2.1.3.1 and §2.1.4.1 over C2SP tlog-tiles).
use std::collections::BTreeMap;

use crate::hash::{Hash, node_hash};
use crate::proof::{ConsistencyProof, InclusionProof};
use crate::range::{CompactRange, MAX_SIZE};
use crate::tile::{TileId, Tiles, perfect_root};

/// What is needed for a proof. First ask which tiles, then give them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    tiles: Vec<(TileId, u16)>,
    /// For each hash of the proof the perfect subtrees, from the left, that it covers.
    hashes: Vec<Vec<Subtree>>,
}

/// What is needed for the growing edge of a tree. First ask which tiles, then give them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangePlan {
    size: u64,
    peaks: Plan,
}

/// A perfect subtree: the `1 << height` leaves from `position << height`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Subtree {
    height: u8,
    position: u64,
}

/// A question about an entry or a tree that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{asked} lies outside the tree of {size} entries")]
pub struct OutOfTree {
    /// The index or the older size that was asked for.
    pub asked: u64,
    /// Entries in the tree.
    pub size: u64,
}

/// A tile that the plan asked for was not given, or is too narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile {} of level {} is missing, or has fewer than {width} hashes", id.index, id.level)]
pub struct MissingTile {
    /// Which tile.
    pub id: TileId,
    /// Hashes that are needed of it, from the left.
    pub width: u16,
}

/// The plan of the inclusion proof of the entry at `index` in the tree of `size` entries.
pub fn inclusion_plan(index: u64, size: u64) -> Result<Plan, OutOfTree> {
    if index >= size || size > MAX_SIZE {
        return Err(OutOfTree { asked: index, size });
    }
    let mut neighbours = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            neighbours.push(cover(middle, end));
            end = middle;
        } else {
            neighbours.push(cover(start, middle));
            start = middle;
        }
    }
    neighbours.reverse();
    Ok(Plan::new(neighbours))
}

/// The plan of the proof that the tree of `old` entries is the beginning of the tree of `new` entries.
pub fn consistency_plan(old: u64, new: u64) -> Result<Plan, OutOfTree> {
    if old > new || new > MAX_SIZE {
        return Err(OutOfTree { asked: old, size: new });
    }
    let mut nodes = Vec::new();
    if old == 0 || old == new {
        return Ok(Plan::new(nodes));
    }
    let (mut start, mut end) = (0, new);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            nodes.push(cover(middle, end));
            end = middle;
        } else {
            nodes.push(cover(start, middle));
            start = middle;
        }
    }
    // The older tree's own root is known to whoever asks.
    if start > 0 {
        nodes.push(cover(start, end));
    }
    nodes.reverse();
    Ok(Plan::new(nodes))
}

/// The plan of the growing edge, and so of the root, of the tree of `size` entries.
pub fn range_plan(size: u64) -> Result<RangePlan, OutOfTree> {
    if size > MAX_SIZE {
        return Err(OutOfTree { asked: size, size: MAX_SIZE });
    }
    let peaks = cover(0, size).into_iter().map(|subtree| vec![subtree]).collect();
    Ok(RangePlan { size, peaks: Plan::new(peaks) })
}

impl Plan {
    fn new(hashes: Vec<Vec<Subtree>>) -> Self {
        let mut widths = BTreeMap::new();
        for subtree in hashes.iter().flatten() {
            let (id, offset, count) = subtree.place();
            let width = widths.entry(id).or_insert(0);
            *width = offset.saturating_add(count).max(*width);
        }
        Self { tiles: widths.into_iter().collect(), hashes }
    }

    /// The tiles that are needed, each once, with the number of hashes from the left (1 to 256). Over HTTP ask for the tile at
    /// the width that it has in the tree ([`TileId::width_at`]): narrower ones need not exist.
    pub fn tiles(&self) -> &[(TileId, u16)] {
        &self.tiles
    }

    /// The inclusion proof, if this is the plan of one.
    pub fn inclusion(&self, tiles: &impl Tiles) -> Result<InclusionProof, MissingTile> {
        self.collect(tiles).map(InclusionProof)
    }

    /// The consistency proof, if this is the plan of one.
    pub fn consistency(&self, tiles: &impl Tiles) -> Result<ConsistencyProof, MissingTile> {
        self.collect(tiles).map(ConsistencyProof)
    }

    fn collect(&self, tiles: &impl Tiles) -> Result<Vec<Hash>, MissingTile> {
        self.hashes.iter().map(|cover| ragged_root(cover, tiles)).collect()
    }
}

impl RangePlan {
    /// The tiles that are needed, as [`Plan::tiles`] tells them.
    pub fn tiles(&self) -> &[(TileId, u16)] {
        self.peaks.tiles()
    }

    /// The growing edge.
    pub fn range(&self, tiles: &impl Tiles) -> Result<CompactRange, MissingTile> {
        Ok(CompactRange::collected(self.size, self.peaks.collect(tiles)?))
    }
}

impl Subtree {
    /// The tile that holds its parts, where they begin in it, and how many they are.
    fn place(self) -> (TileId, u16, u16) {
        let (level, within) = (self.height / 8, self.height % 8);
        let first = self.position << within;
        let offset = u16::from(first.to_le_bytes()[0]);
        (TileId { level, index: first >> 8 }, offset, 1 << within)
    }

    fn hash(self, tiles: &impl Tiles) -> Result<Hash, MissingTile> {
        let (id, offset, count) = self.place();
        let (start, end) = (usize::from(offset), usize::from(offset) + usize::from(count));
        let hashes = tiles.tile(id).and_then(|tile| tile.get(start..end));
        hashes.and_then(perfect_root).ok_or(MissingTile { id, width: offset + count })
    }
}

fn ragged_root(cover: &[Subtree], tiles: &impl Tiles) -> Result<Hash, MissingTile> {
    let mut root: Option<Hash> = None;
    for subtree in cover.iter().rev() {
        let left = subtree.hash(tiles)?;
        root = Some(root.map_or(left, |right| node_hash(left, right)));
    }
    Ok(root.unwrap_or(crate::EMPTY_ROOT))
}

/// The largest power of two below `count`, which is 2 or more: where RFC 9162 divides a tree.
const fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The perfect subtrees of the leaves from `start` to before `end`, from the left; `start` is where a subtree can begin.
fn cover(start: u64, end: u64) -> Vec<Subtree> {
    let mut subtrees = Vec::new();
    let mut at = start;
    for height in (0..64_u8).rev() {
        if (end - start) >> height & 1 == 1 {
            subtrees.push(Subtree { height, position: at >> height });
            at += 1 << height;
        }
    }
    subtrees
}
