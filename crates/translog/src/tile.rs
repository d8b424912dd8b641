//! Tiles: eight levels of the tree in one piece (C2SP tlog-tiles).
use std::collections::HashMap;
use std::hash::BuildHasher;

use crate::hash::{Hash, node_hash};

/// Hashes in a full tile.
pub const TILE_WIDTH: u16 = 256;

/// Which tile. Level 0 holds leaf hashes; a hash on a level above is the root of a full tile below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// Level, from 0 to 63.
    pub level: u8,
    /// Counted from the left on its level.
    pub index: u64,
}

/// The bytes are not those of a tile.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tile: {length} bytes are not 1 to 256 hashes of 32 bytes")]
pub struct InvalidTile {
    /// Bytes that came.
    pub length: usize,
}

/// Tiles that are at hand.
pub trait Tiles {
    /// The hashes of a tile, as many as are known, from the left.
    fn tile(&self, id: TileId) -> Option<&[Hash]>;
}

impl<S: BuildHasher> Tiles for HashMap<TileId, Vec<Hash>, S> {
    fn tile(&self, id: TileId) -> Option<&[Hash]> {
        self.get(&id).map(Vec::as_slice)
    }
}

impl TileId {
    /// How many hashes the tile has in the tree of `size` entries: 256 when it is full, 0 when the tree does not reach it.
    pub fn width_at(self, size: u64) -> u16 {
        let hashes = size.checked_shr(8 * u32::from(self.level)).unwrap_or(0);
        let before = self.index.saturating_mul(u64::from(TILE_WIDTH));
        let width = hashes.saturating_sub(before).min(u64::from(TILE_WIDTH));
        u16::try_from(width).unwrap_or(TILE_WIDTH)
    }
}

/// The hashes of a tile, concatenated.
pub fn tile_to_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes of a tile from their concatenation; 1 to 256 of them.
pub fn tile_from_bytes(bytes: &[u8]) -> Result<Vec<Hash>, InvalidTile> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() && (1..=usize::from(TILE_WIDTH)).contains(&hashes.len()) {
        Ok(hashes.iter().copied().map(Hash).collect())
    } else {
        Err(InvalidTile { length: bytes.len() })
    }
}

/// The root over hashes that are a power of two in number; nothing over none.
pub(crate) fn perfect_root(hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [] => None,
        [one] => Some(*one),
        [left, right] => Some(node_hash(*left, *right)),
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            Some(node_hash(perfect_root(left)?, perfect_root(right)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_70_000_has_the_widths_of_the_specification() {
        let width = |level, index| TileId { level, index }.width_at(70_000);
        assert_eq!([width(0, 272), width(0, 273), width(0, 274)], [256, 112, 0]);
        assert_eq!([width(1, 0), width(1, 1), width(1, 2)], [256, 17, 0]);
        assert_eq!([width(2, 0), width(2, 1), width(3, 0), width(63, 0)], [1, 0, 0, 0]);
        assert_eq!(TileId { level: 0, index: u64::MAX }.width_at(u64::MAX), 0);
    }

    #[test]
    fn only_whole_hashes_are_a_tile() {
        let tile = vec![crate::EMPTY_ROOT; 3];
        assert_eq!(tile_from_bytes(&tile_to_bytes(&tile)), Ok(tile));
        for length in [0, 31, 33, 257 * 32] {
            assert_eq!(tile_from_bytes(&vec![0; length]), Err(InvalidTile { length }));
        }
    }
}
