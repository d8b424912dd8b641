use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::EMPTY_ROOT;

struct Row {
    index: u64,
    commitment: Vec<u8>,
    salt: Option<Vec<u8>>,
    record: Option<String>,
}

/// A log as a database holds it.
struct Stored {
    rows: Vec<Row>,
    tiles: HashMap<TileId, Vec<u8>>,
    checkpoints: Vec<Checkpoint>,
}

fn checkpoint(size: u64, root: Hash) -> Checkpoint {
    Checkpoint { origin: "ward.example/log".into(), size, root, extensions: Vec::new() }
}

impl Stored {
    fn sized(size: u64) -> Self {
        let mut edge = CompactRange::new();
        let mut stored = Self { rows: Vec::new(), tiles: HashMap::new(), checkpoints: Vec::new() };
        for index in 0..size {
            let (salt, record) = ([index.to_le_bytes()[0]; 32], format!("{{\"at\":{index}}}"));
            let commitment = commitment(&salt, &record).to_vec();
            let leaf = leaf_hash(&commitment);
            let mut nodes = vec![Node { height: 0, position: index, hash: leaf }];
            edge.push(leaf, &mut |node| nodes.push(node));
            for node in nodes.into_iter().filter(|node| node.height % 8 == 0) {
                let id = TileId { level: node.height / 8, index: node.position / 256 };
                stored.tiles.entry(id).or_default().extend(node.hash.0);
            }
            let (salt, record) = (Some(salt.to_vec()), Some(record));
            stored.rows.push(Row { index, commitment, salt, record });
            if edge.size().is_multiple_of(100) {
                stored.checkpoints.push(checkpoint(edge.size(), edge.root()));
            }
        }
        stored.checkpoints.push(checkpoint(size, edge.root()));
        stored
    }

    fn audit(&self) -> Result<(), Wrong> {
        let mut audit = Audit::new(self.checkpoints.last().unwrap());
        for earlier in &self.checkpoints {
            audit.expect(earlier)?;
        }
        for row in &self.rows {
            let salt = row.salt.as_deref();
            let content = Content::Stored { salt, record: row.record.as_deref() };
            let entry = StoredEntry { index: row.index, commitment: &row.commitment, content };
            self.compare(&audit.entry(&entry)?)?;
        }
        self.compare(&audit.finish()?)
    }

    fn compare(&self, tiles: &[ComputedTile]) -> Result<(), Wrong> {
        tiles.iter().try_for_each(|tile| tile.compare(self.tiles.get(&tile.id).map(Vec::as_slice)))
    }

    /// Commits to what the row says now, as somebody would who holds the database but not the key.
    fn commit_again(&mut self, index: usize) {
        let row = &mut self.rows[index];
        let salt = row.salt.as_deref().unwrap().try_into().unwrap();
        row.commitment = commitment(salt, row.record.as_deref().unwrap()).to_vec();
    }
}

#[test]
fn untouched_logs_of_all_sizes_are_found_right() {
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 1000] {
        assert_eq!(Stored::sized(size).audit(), Ok(()), "{size}");
    }
}

#[test]
fn a_log_with_two_full_levels_is_found_right() {
    assert_eq!(Stored::sized(65_536 + 257).audit(), Ok(()));
}

#[test]
fn an_erased_record_leaves_the_log_right() {
    let mut stored = Stored::sized(300);
    stored.rows[17].salt = None;
    stored.rows[17].record = None;
    assert_eq!(stored.audit(), Ok(()));
    stored.rows[18].salt = None;
    assert_eq!(stored.audit(), Err(Wrong::Half { index: 18 }));
}

#[test]
fn changed_rows_are_named() {
    let mut stored = Stored::sized(300);
    stored.rows[270].record = Some("{}".into());
    assert_eq!(stored.audit(), Err(Wrong::Record { index: 270 }));
    stored.rows[200].commitment.pop();
    assert_eq!(stored.audit(), Err(Wrong::Commitment { index: 200 }));
    stored.rows[150].salt.as_mut().unwrap()[3] ^= 1;
    assert_eq!(stored.audit(), Err(Wrong::Record { index: 150 }));
}

#[test]
fn missing_repeated_and_surplus_rows_are_named() {
    let mut stored = Stored::sized(300);
    let last = stored.rows.pop().unwrap();
    assert_eq!(stored.audit(), Err(Wrong::Short { size: 300, found: 299 }));
    stored.rows.push(last);
    stored.rows.remove(7);
    assert_eq!(stored.audit(), Err(Wrong::Missing { expected: 7, found: 8 }));

    let mut stored = Stored::sized(300);
    stored.rows[8].index = 7;
    assert_eq!(stored.audit(), Err(Wrong::Repeated { expected: 8, found: 7 }));
    let mut stored = Stored::sized(300);
    let commitment = stored.rows[0].commitment.clone();
    stored.rows.push(Row { index: 300, commitment, salt: None, record: None });
    assert_eq!(stored.audit(), Err(Wrong::Surplus { size: 300, index: 300 }));
}

#[test]
fn a_row_that_was_rewritten_with_its_commitment_is_found_by_the_next_checkpoint() {
    let mut stored = Stored::sized(350);
    stored.rows[120].record = Some("{}".into());
    stored.commit_again(120);
    assert_eq!(stored.audit(), Err(Wrong::Root { size: 200 }));
}

#[test]
fn a_changed_tile_names_the_entries_below() {
    let mut stored = Stored::sized(1000);
    let (leaves, above) = (TileId { level: 0, index: 1 }, TileId { level: 1, index: 0 });
    stored.tiles.get_mut(&above).unwrap()[2 * 32 + 31] ^= 1;
    assert_eq!(stored.audit(), Err(Wrong::Tile { id: above, first: 512, last: 767 }));
    stored.tiles.get_mut(&leaves).unwrap()[44 * 32] ^= 1;
    assert_eq!(stored.audit(), Err(Wrong::Tile { id: leaves, first: 300, last: 300 }));
    stored.tiles.get_mut(&leaves).unwrap().truncate(255 * 32);
    assert_eq!(stored.audit(), Err(Wrong::TileWidth { id: leaves, width: 256 }));
    stored.tiles.remove(&leaves);
    assert_eq!(stored.audit(), Err(Wrong::TileMissing { id: leaves }));
}

#[test]
fn checkpoints_that_contradict_the_log_are_named() {
    let mut stored = Stored::sized(350);
    stored.checkpoints[1].root = EMPTY_ROOT;
    assert_eq!(stored.audit(), Err(Wrong::Root { size: 200 }));

    let mut stored = Stored::sized(350);
    stored.checkpoints.insert(0, checkpoint(351, EMPTY_ROOT));
    assert_eq!(stored.audit(), Err(Wrong::RolledBack { earlier: 351, size: 350 }));

    let mut stored = Stored::sized(350);
    stored.checkpoints.insert(0, checkpoint(350, EMPTY_ROOT));
    assert_eq!(stored.audit(), Err(Wrong::SplitView { size: 350 }));
}

#[test]
fn a_checkpoint_that_came_too_late_is_not_forgotten() {
    let stored = Stored::sized(3);
    let mut audit = Audit::new(&stored.checkpoints[0]);
    for row in &stored.rows {
        let content = Content::Unseen;
        let entry = StoredEntry { index: row.index, commitment: &row.commitment, content };
        audit.entry(&entry).unwrap();
    }
    audit.expect(&checkpoint(2, EMPTY_ROOT)).unwrap();
    assert_eq!(audit.finish(), Err(Wrong::NotCompared { size: 2 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_flipped_bit_is_found(row in 0..300_usize, byte in any::<usize>(), bit in 0..8_u8, part in 0..4_u8) {
        let mut stored = Stored::sized(300);
        let flip = |bytes: &mut [u8]| { let at = byte % bytes.len(); bytes[at] ^= 1 << bit; };
        match part {
            0 => flip(&mut stored.rows[row].commitment),
            1 => flip(stored.rows[row].salt.as_mut().unwrap()),
            2 => {
                let mut bytes = stored.rows[row].record.take().unwrap().into_bytes();
                flip(&mut bytes);
                // A database refuses text that is no text before anybody compares it.
                prop_assume!(String::from_utf8(bytes.clone()).is_ok());
                stored.rows[row].record = String::from_utf8(bytes).ok();
            }
            _ => flip(&mut tile_of(&mut stored, row)[..]),
        }
        prop_assert!(stored.audit().is_err());
    }
}

fn tile_of(stored: &mut Stored, row: usize) -> &mut Vec<u8> {
    stored.tiles.get_mut(&TileId { level: 0, index: row as u64 / 256 }).unwrap()
}
