//! The tree against the vectors of Certificate Transparency, and against `ct-merkle`.
use std::collections::HashMap;

use ct_merkle::digest::{
    FixedOutput, HashMarker, Output, OutputSizeUser, Update, array::sizes::U32,
};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use data_encoding::HEXLOWER;
use proptest::prelude::*;

use crate::*;

/// SHA-256 in the shape that `ct-merkle` asks for.
struct Sha256(aws_lc_rs::digest::Context);

impl Default for Sha256 {
    fn default() -> Self {
        Self(aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256))
    }
}

impl OutputSizeUser for Sha256 {
    type OutputSize = U32;
}

impl HashMarker for Sha256 {}

impl Update for Sha256 {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

impl FixedOutput for Sha256 {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(self.0.finish().as_ref());
    }
}

/// A log in memory: the tiles as a server stores them, and the roots of all its sizes.
pub(crate) struct Log {
    pub(crate) range: CompactRange,
    pub(crate) tiles: HashMap<TileId, Vec<Hash>>,
    pub(crate) roots: Vec<Hash>,
    oracle: MemoryBackedTree<Sha256, Vec<u8>>,
}

impl Log {
    pub(crate) fn of(entries: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let (range, tiles) = (CompactRange::new(), HashMap::new());
        let mut log =
            Self { range, tiles, roots: vec![EMPTY_ROOT], oracle: MemoryBackedTree::new() };
        for entry in entries {
            log.push(entry);
        }
        log
    }

    pub(crate) fn sized(size: u64) -> Self {
        Self::of((0..size).map(|index| index.to_be_bytes().to_vec()))
    }

    fn push(&mut self, entry: Vec<u8>) {
        let leaf = leaf_hash(&entry);
        let first = Node { height: 0, position: self.range.size(), hash: leaf };
        let mut nodes = vec![first];
        self.range.push(leaf, &mut |node| nodes.push(node));
        for node in nodes.into_iter().filter(|node| node.height.is_multiple_of(8)) {
            let id = TileId { level: node.height / 8, index: node.position / 256 };
            let tile = self.tiles.entry(id).or_default();
            assert_eq!(tile.len() as u64, node.position % 256);
            tile.push(node.hash);
        }
        self.roots.push(self.range.root());
        self.oracle.push(entry);
    }

    fn leaf(&self, index: u64) -> Hash {
        self.tiles[&TileId { level: 0, index: index / 256 }][usize::try_from(index % 256).unwrap()]
    }

    /// The tiles as they were when the tree had `size` entries.
    fn tiles_at(&self, size: u64) -> HashMap<TileId, Vec<Hash>> {
        let cut = |(id, hashes): (&TileId, &Vec<Hash>)| {
            let width = usize::from(id.width_at(size));
            (width > 0).then(|| (*id, hashes[..width].to_vec()))
        };
        self.tiles.iter().filter_map(cut).collect()
    }
}

fn hex(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| HEXLOWER.encode(&hash.0)).collect()
}

/// The tree of eight leaves with which Certificate Transparency has been tested since RFC 6962.
fn reference() -> Log {
    let leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    Log::of(leaves.map(|leaf| HEXLOWER.decode(leaf.as_bytes()).unwrap()))
}

#[test]
fn the_roots_are_those_of_the_reference_tree() {
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    assert_eq!(hex(&reference().roots), roots);
}

#[test]
fn inclusion_proofs_are_those_of_the_reference_tree() {
    let log = reference();
    let proof = |index, size| {
        let plan = inclusion_plan(index, size).unwrap();
        hex(&plan.inclusion(&log.tiles).unwrap().0)
    };
    assert_eq!(proof(0, 1), [""; 0]);
    let of_0_in_8 = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    assert_eq!(proof(0, 8), of_0_in_8);
    let of_5_in_8 = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(proof(5, 8), of_5_in_8);
    assert_eq!(proof(2, 3), ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]);
    let of_1_in_5 = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ];
    assert_eq!(proof(1, 5), of_1_in_5);
}

#[test]
fn consistency_proofs_are_those_of_the_reference_tree() {
    let log = reference();
    let proof =
        |old, new| hex(&consistency_plan(old, new).unwrap().consistency(&log.tiles).unwrap().0);
    assert_eq!(proof(1, 1), [""; 0]);
    let from_1_to_8 = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    assert_eq!(proof(1, 8), from_1_to_8);
    let from_6_to_8 = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(proof(6, 8), from_6_to_8);
    let from_2_to_5 = [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ];
    assert_eq!(proof(2, 5), from_2_to_5);
}

#[test]
fn every_proof_in_a_small_log_holds_and_no_other_does() {
    let log = Log::sized(40);
    for size in 1..=40_u64 {
        let root = log.roots[usize::try_from(size).unwrap()];
        for index in 0..size {
            let proof = inclusion_plan(index, size).unwrap().inclusion(&log.tiles).unwrap();
            let leaf = log.leaf(index);
            assert_eq!(proof.verify(index, size, leaf, root), Ok(()));
            for other in (0..size).filter(|other| *other != index) {
                assert!(proof.verify(other, size, leaf, root).is_err());
            }
        }
        for old in 0..=size {
            let proof = consistency_plan(old, size).unwrap().consistency(&log.tiles).unwrap();
            let old_root = log.roots[usize::try_from(old).unwrap()];
            assert_eq!(proof.verify(old, old_root, size, root), Ok(()));
            for other in (1..=size).filter(|other| *other != old) {
                assert!(proof.verify(other, old_root, size, root).is_err());
            }
        }
    }
}

#[test]
fn nothing_is_planned_outside_the_tree() {
    let outside = |asked, size| Err(OutOfTree { asked, size });
    assert_eq!(inclusion_plan(3, 3), outside(3, 3));
    assert_eq!(inclusion_plan(0, 0), outside(0, 0));
    assert_eq!(inclusion_plan(0, u64::MAX), outside(0, u64::MAX));
    assert_eq!(consistency_plan(4, 3), outside(4, 3));
    assert_eq!(consistency_plan(1, u64::MAX), outside(1, u64::MAX));
    assert_eq!(range_plan(u64::MAX), Err(OutOfTree { asked: u64::MAX, size: MAX_SIZE }));
    let path = inclusion_plan(MAX_SIZE - 1, MAX_SIZE).unwrap();
    assert_eq!(path.tiles().len(), 8);
}

#[test]
fn a_missing_or_narrow_tile_is_named() {
    let mut log = Log::sized(300);
    let plan = inclusion_plan(299, 300).unwrap();
    let id = TileId { level: 0, index: 1 };
    assert_eq!(plan.tiles(), [(id, 43), (TileId { level: 1, index: 0 }, 1)]);
    log.tiles.get_mut(&id).unwrap().truncate(42);
    assert_eq!(plan.inclusion(&log.tiles), Err(MissingTile { id, width: 43 }));
    log.tiles.remove(&TileId { level: 1, index: 0 });
    assert!(plan.inclusion(&log.tiles).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn trees_and_proofs_are_those_of_ct_merkle(size in 1..2_000_u64, at in any::<u64>()) {
        let log = Log::sized(size);
        let (ours, theirs) = (log.range.root(), log.oracle.root());
        prop_assert_eq!(&ours.0[..], &theirs.as_bytes()[..]);

        let index = at % size;
        let plan = inclusion_plan(index, size).unwrap();
        let proof = plan.inclusion(&log.tiles_at(size)).unwrap();
        let theirs = log.oracle.prove_inclusion(usize::try_from(index).unwrap());
        prop_assert_eq!(tile_to_bytes(&proof.0), theirs.as_bytes());
        prop_assert_eq!(proof.verify(index, size, log.leaf(index), log.range.root()), Ok(()));

        let old = index + 1;
        let proof = consistency_plan(old, size).unwrap().consistency(&log.tiles).unwrap();
        if old < size {
            let added = usize::try_from(size - old).unwrap();
            let theirs = log.oracle.prove_consistency(added);
            prop_assert_eq!(tile_to_bytes(&proof.0), theirs.as_bytes());
        }
        let old_root = log.roots[usize::try_from(old).unwrap()];
        prop_assert_eq!(proof.verify(old, old_root, size, log.range.root()), Ok(()));

        let edge = range_plan(old).unwrap().range(&log.tiles_at(old)).unwrap();
        prop_assert_eq!(edge.root(), old_root);
    }

    #[test]
    fn a_plan_needs_no_more_than_the_tiles_it_names(size in 1..70_000_u64, at in any::<u64>()) {
        let index = at % size;
        for plan in [inclusion_plan(index, size).unwrap(), consistency_plan(index, size).unwrap()] {
            for (id, width) in plan.tiles() {
                prop_assert!(*width <= id.width_at(size));
            }
            let tiles: HashMap<_, _> = plan.tiles().iter()
                .map(|(id, width)| (*id, vec![EMPTY_ROOT; usize::from(*width)]))
                .collect();
            prop_assert!(plan.inclusion(&tiles).is_ok());
        }
    }

    #[test]
    fn a_damaged_proof_never_holds(size in 2..600_u64, at in any::<u64>(), bit in any::<usize>()) {
        let log = Log::sized(size);
        let (index, root) = (at % size, log.range.root());
        let mut proof = inclusion_plan(index, size).unwrap().inclusion(&log.tiles).unwrap();
        let count = proof.0.len();
        proof.0[bit % count].0[bit % 32] ^= 1 << (bit % 8);
        prop_assert_eq!(proof.verify(index, size, log.leaf(index), root), Err(ProofError::Root));
        proof.0.push(EMPTY_ROOT);
        prop_assert_eq!(proof.verify(index, size, log.leaf(index), root), Err(ProofError::Length));
        proof.0.truncate(count - 1);
        prop_assert_eq!(proof.verify(index, size, log.leaf(index), root), Err(ProofError::Length));
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzz::texts(&bytes);
        fuzz::trees(&bytes);
    }

    #[test]
    fn sizes_from_strangers_are_survived(index in any::<u64>(), size in any::<u64>(), count in 0..70_usize) {
        let mut bytes = [index.to_be_bytes(), size.to_be_bytes()].concat();
        bytes.extend(std::iter::repeat_n(7, count * 32));
        fuzz::trees(&bytes);
    }
}
