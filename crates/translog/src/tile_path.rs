//! Paths of tiles and entry bundles (C2SP tlog-tiles).
use std::fmt;
use std::str::FromStr;

use crate::tile::{TILE_WIDTH, TileId};

/// The path of a resource of the log, below the log's URL: `tile/0/x001/234.p/5`, `tile/entries/000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TilePath {
    /// Hashes of the tree.
    Hashes {
        /// Which tile.
        id: TileId,
        /// Hashes in it, 1 to 256.
        width: u16,
    },
    /// Entries, in the ranges of the tiles of level 0.
    Entries {
        /// Which bundle.
        index: u64,
        /// Entries in it, 1 to 256.
        width: u16,
    },
}

/// The text is not the path of a tile or of an entry bundle.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile or of an entry bundle")]
pub struct InvalidTilePath;

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, width) = match *self {
            Self::Hashes { id, width } => {
                write!(f, "tile/{}/", id.level)?;
                (id.index, width)
            }
            Self::Entries { index, width } => {
                f.write_str("tile/entries/")?;
                (index, width)
            }
        };
        write_index(f, index)?;
        if width < TILE_WIDTH { write!(f, ".p/{width}") } else { Ok(()) }
    }
}

fn write_index(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    let mut thousands = Vec::new();
    let mut above = index / 1000;
    while above > 0 {
        thousands.push(above % 1000);
        above /= 1000;
    }
    for group in thousands.iter().rev() {
        write!(f, "x{group:03}/")?;
    }
    write!(f, "{:03}", index % 1000)
}

/// Only the one canonical path of a resource is taken.
impl FromStr for TilePath {
    type Err = InvalidTilePath;

    fn from_str(text: &str) -> Result<Self, InvalidTilePath> {
        let rest = text.strip_prefix("tile/").ok_or(InvalidTilePath)?;
        let (level, rest) = rest.split_once('/').ok_or(InvalidTilePath)?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (parse_index(index)?, decimal(width, 1..=255)?),
            None => (parse_index(rest)?, TILE_WIDTH),
        };
        if level == "entries" {
            return Ok(Self::Entries { index, width });
        }
        let level = decimal(level, 0..=63)?.to_le_bytes()[0];
        Ok(Self::Hashes { id: TileId { level, index }, width })
    }
}

/// A decimal number within `range`, without leading zeroes.
fn decimal(text: &str, range: std::ops::RangeInclusive<u16>) -> Result<u16, InvalidTilePath> {
    let digits = matches!(text.len(), 1..=3) && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (text == "0" || !text.starts_with('0'));
    let number = text.parse().map_err(|_| InvalidTilePath)?;
    if canonical && range.contains(&number) { Ok(number) } else { Err(InvalidTilePath) }
}

/// Groups of three digits, all but the last after an `x`; the first of several is not zero.
fn parse_index(text: &str) -> Result<u64, InvalidTilePath> {
    if text.starts_with("x000") {
        return Err(InvalidTilePath);
    }
    let (above, last) = text.rsplit_once('/').map_or((None, text), |(a, b)| (Some(a), b));
    let mut index = 0;
    for group in above.into_iter().flat_map(|above| above.split('/')) {
        index = append(index, group.strip_prefix('x').ok_or(InvalidTilePath)?)?;
    }
    append(index, last)
}

fn append(index: u64, group: &str) -> Result<u64, InvalidTilePath> {
    if group.len() != 3 || !group.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidTilePath);
    }
    let group: u64 = group.parse().map_err(|_| InvalidTilePath)?;
    index.checked_mul(1000).and_then(|index| index.checked_add(group)).ok_or(InvalidTilePath)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let hashes = |level, index, width| TilePath::Hashes { id: TileId { level, index }, width };
        for (path, text) in [
            (hashes(0, 1_234_067, 256), "tile/0/x001/x234/067"),
            (hashes(3, 0, 5), "tile/3/000.p/5"),
            (hashes(63, 999, 255), "tile/63/999.p/255"),
            (TilePath::Entries { index: 1000, width: 256 }, "tile/entries/x001/000"),
            (TilePath::Entries { index: 2, width: 1 }, "tile/entries/002.p/1"),
            (
                TilePath::Entries { index: u64::MAX, width: 256 },
                "tile/entries/x018/x446/x744/x073/x709/x551/615",
            ),
        ] {
            assert_eq!(path.to_string(), text);
            assert_eq!(text.parse(), Ok(path));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/1",
            "tile/0/0001",
            "tile/00/001",
            "tile/64/001",
            "tile/+1/001",
            "tile/-1/001",
            "tile/x/001",
            "tile/entry/001",
            "tile/0/x000/001",
            "tile/0/x001",
            "tile/0/001/001",
            "tile/0/x1/001",
            "tile/0/001/",
            "tile/0/001.p",
            "tile/0/001.p/",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/05",
            "tile/0/001.p/5/",
            "tile/0/001.p/5.p/5",
            "/tile/0/001",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/+01",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(text.parse::<TilePath>(), Err(InvalidTilePath), "{text}");
        }
    }
}
