//! The growing edge of the tree within a transaction.
use std::sync::Arc;

use futures::future::BoxFuture;
use imp_storage::{Carried, StorageError, Transaction};
use imp_translog::{
    Checkpoint, CompactRange, Hash, InclusionProof, LogKey, Node, TILE_WIDTH, TileId, leaf_hash,
    sign_checkpoint,
};

use crate::store::{self, Tables as _};

/// The levels of the tree that one tile spans.
const TILE_HEIGHT: u8 = 8;

/// The growing edge: read once in a group of writers, grown in memory, written with its checkpoint and tiles before the
/// commit.
#[derive(Debug)]
pub(super) struct Head {
    key: Arc<LogKey>,
    now: Edge,
    /// As the member found it that writes now.
    marked: Edge,
}

#[derive(Clone, Debug)]
struct Edge {
    range: CompactRange,
    last_at: i64,
    /// Roots of tiles that became full, in the order in which they did.
    full: Vec<Node>,
}

impl Head {
    /// The head that this transaction grows: the one that an earlier member of its group has grown, or as it was committed.
    pub(super) async fn carried<'a>(
        transaction: &'a mut Transaction,
        key: &Arc<LogKey>,
    ) -> Result<&'a mut Self, StorageError> {
        if transaction.carried::<Self>().is_none() {
            let head = Self::read(transaction, key).await?;
            transaction.carry(head);
        }
        transaction.carried().ok_or(StorageError::Carried)
    }

    /// Reads the head as it was committed; that of an empty log when there is none.
    async fn read(transaction: &mut Transaction, key: &Arc<LogKey>) -> Result<Self, StorageError> {
        let stored = transaction.log().head(key.verifier_key().name()).await?;
        let now = match stored {
            Some(store::Head { size, peaks, last_at, .. }) => {
                let range = CompactRange::from_bytes(size, &peaks);
                let range = range.map_err(|_| StorageError::Corrupt { what: "log_head.peaks" })?;
                Edge { range, last_at, full: vec![] }
            }
            None => Edge { range: CompactRange::new(), last_at: i64::MIN, full: vec![] },
        };
        Ok(Self { key: Arc::clone(key), marked: now.clone(), now })
    }

    /// The index of the next entry, and when the last one was appended, in microseconds since 1970.
    pub(super) const fn next(&self) -> (u64, i64) {
        (self.now.range.size(), self.now.last_at)
    }

    /// Adds a leaf; answers the proof of it in the tree that it completes, and that tree's root.
    pub(super) fn push(&mut self, leaf: Hash, at: i64) -> (InclusionProof, Hash) {
        let Edge { range, last_at, full } = &mut self.now;
        let proof = range.proof_of_next();
        range.push(leaf, &mut |node| {
            if node.height.is_multiple_of(TILE_HEIGHT) {
                full.push(node);
            }
        });
        *last_at = at;
        (proof, range.root())
    }

    /// Writes what has grown, and the checkpoint of exactly that.
    async fn write(&mut self, transaction: &mut Transaction) -> Result<(), StorageError> {
        for node in std::mem::take(&mut self.now.full) {
            if node.height == TILE_HEIGHT {
                write_leaves(transaction, node.position).await?;
            }
            write_node(transaction, node).await?;
        }
        let origin = self.key.verifier_key().name();
        let Edge { range, last_at, .. } = &self.now;
        let checkpoint = Checkpoint {
            origin: origin.to_owned(),
            size: range.size(),
            root: range.root(),
            extensions: vec![],
        };
        let note = sign_checkpoint(&checkpoint, self.key.as_ref());
        let note = note.map_err(|_| StorageError::Corrupt { what: "log_head.checkpoint" })?;
        let head = store::Head {
            size: range.size(),
            peaks: range.peaks_bytes(),
            last_at: *last_at,
            checkpoint: note.to_string(),
        };
        transaction.log().put_head(origin, &head).await
    }
}

impl Carried for Head {
    fn mark(&mut self) {
        self.marked.clone_from(&self.now);
    }

    fn rewind(&mut self) {
        self.now.clone_from(&self.marked);
    }

    fn store<'a>(
        &'a mut self,
        transaction: &'a mut Transaction,
    ) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(self.write(transaction))
    }
}

/// The tile of leaves that is full now.
async fn write_leaves(transaction: &mut Transaction, index: u64) -> Result<(), StorageError> {
    let width = u64::from(TILE_WIDTH);
    let leaves = transaction.entries().commitments(index * width..(index + 1) * width).await?;
    let leaves: Vec<_> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    if leaves.len() != usize::from(TILE_WIDTH) {
        return Err(StorageError::Corrupt { what: "entries.log_index" });
    }
    transaction.log().put_tile(TileId { level: 0, index }, &leaves).await
}

/// The root of a full tile, in the tile above it.
async fn write_node(transaction: &mut Transaction, node: Node) -> Result<(), StorageError> {
    let width = u64::from(TILE_WIDTH);
    let id = TileId { level: node.height / TILE_HEIGHT, index: node.position / width };
    let mut tile = transaction.log().tile(id).await?.unwrap_or_default();
    if u64::try_from(tile.len()) != Ok(node.position % width) {
        return Err(StorageError::Corrupt { what: "log_tiles.hashes" });
    }
    tile.push(node.hash);
    transaction.log().put_tile(id, &tile).await
}
