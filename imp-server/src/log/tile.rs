//! What is served of the tree to everybody (C2SP tlog-tiles). It holds no personal data: leaves are salted commitments.
use imp_storage::{Storage, StorageError, Transaction};
use imp_translog::{Hash, TILE_WIDTH, TilePath, encode_bundle, leaf_hash, tile_to_bytes};

use crate::store::Tables as _;

/// The bytes of a tile or of a bundle of entries; `None` when the log does not reach it.
pub(crate) async fn resource(
    storage: &Storage,
    path: TilePath,
) -> Result<Option<Vec<u8>>, StorageError> {
    let mut transaction = storage.read().await?;
    match path {
        TilePath::Entries { index, width } => {
            let entries = commitments(&mut transaction, index, width).await?;
            if entries.len() != usize::from(width) {
                return Ok(None);
            }
            let bundle = encode_bundle(entries.iter().map(<[u8; 32]>::as_slice));
            bundle.map(Some).map_err(|_| StorageError::Corrupt { what: "entries.commitment" })
        }
        TilePath::Hashes { id, width } => {
            let stored = transaction.log().tile(id).await?;
            let hashes = match stored {
                Some(hashes) => hashes,
                None if id.level == 0 => leaves(&mut transaction, id.index, width).await?,
                None => return Ok(None),
            };
            Ok(hashes.get(..usize::from(width)).map(tile_to_bytes))
        }
    }
}

/// The first `width` leaf hashes of a tile, or as many as there are.
pub(super) async fn leaves(
    transaction: &mut Transaction,
    index: u64,
    width: u16,
) -> Result<Vec<Hash>, StorageError> {
    let commitments = commitments(transaction, index, width).await?;
    Ok(commitments.iter().map(|commitment| leaf_hash(commitment)).collect())
}

async fn commitments(
    transaction: &mut Transaction,
    index: u64,
    width: u16,
) -> Result<Vec<[u8; 32]>, StorageError> {
    let start = index.saturating_mul(u64::from(TILE_WIDTH));
    transaction.entries().commitments(start..start.saturating_add(u64::from(width))).await
}
