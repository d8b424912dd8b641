//! Proofs, made from stored tiles.
use std::collections::HashMap;

use imp_storage::{Storage, StorageError, Transaction};
use imp_translog::{
    ConsistencyProof, Hash, InclusionProof, MissingTile, OutOfTree, Plan, TileId, VerifierKey,
    consistency_plan, inclusion_plan, leaf_hash,
};

use super::tile;
use crate::store::{Head, Tables as _};

/// That an entry stands in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Entries in the tree.
    pub size: u64,
    /// The hash of the entry's leaf.
    pub leaf: Hash,
    /// The way from the leaf to the root.
    pub proof: InclusionProof,
}

/// That one tree begins another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Consistency {
    /// Entries in the larger tree.
    pub(crate) size: u64,
    /// The nodes that show it.
    pub(crate) proof: ConsistencyProof,
}

/// There is no such proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofRequestError {
    /// It was asked for an entry or a tree that the log does not have.
    #[error("the log has no such entry or size")]
    OutOfTree(#[from] OutOfTree),
    /// A tile that must be there is not.
    #[error("a tile of the log is missing")]
    Tile(#[from] MissingTile),
    /// See the source.
    #[error("the log cannot be read")]
    Storage(#[from] StorageError),
}

/// The checkpoint of everything that is committed; `None` before the log was begun.
pub async fn checkpoint(
    storage: &Storage,
    key: &VerifierKey,
) -> Result<Option<String>, StorageError> {
    let head = storage.read().await?.log().head(key.name()).await?;
    Ok(head.map(|head| head.checkpoint))
}

/// The proof that the entry at `index` stands in the tree of `size` entries; without a size, in the whole log.
pub async fn inclusion(
    storage: &Storage,
    key: &VerifierKey,
    index: u64,
    size: Option<u64>,
) -> Result<Inclusion, ProofRequestError> {
    let mut transaction = storage.read().await?;
    let size = size_within(&mut transaction, key, size).await?;
    let plan = inclusion_plan(index, size)?;
    let tiles = load(&mut transaction, &plan).await?;
    let entry = transaction.entries().commitments(index..index + 1).await?;
    let [entry] = entry.as_slice() else {
        return Err(OutOfTree { asked: index, size }.into());
    };
    Ok(Inclusion { size, leaf: leaf_hash(entry), proof: plan.inclusion(&tiles)? })
}

/// The proofs that these entries stand in the tree of `size` entries, which the log must have; in their order.
pub(crate) async fn inclusions(
    transaction: &mut Transaction,
    indexes: &[u64],
    size: u64,
) -> Result<Vec<InclusionProof>, ProofRequestError> {
    let mut tiles = HashMap::new();
    let mut proofs = Vec::with_capacity(indexes.len());
    for index in indexes {
        let plan = inclusion_plan(*index, size)?;
        let known = plan.tiles().iter().all(|(id, width)| {
            tiles.get(id).is_some_and(|hashes: &Vec<Hash>| hashes.len() >= usize::from(*width))
        });
        if !known {
            tiles.extend(load(transaction, &plan).await?);
        }
        proofs.push(plan.inclusion(&tiles)?);
    }
    Ok(proofs)
}

/// The proof that the tree of `from` entries begins the tree of `to` entries; without `to`, the whole log.
pub(crate) async fn consistency(
    storage: &Storage,
    key: &VerifierKey,
    from: u64,
    to: Option<u64>,
) -> Result<Consistency, ProofRequestError> {
    let mut transaction = storage.read().await?;
    let size = size_within(&mut transaction, key, to).await?;
    let plan = consistency_plan(from, size)?;
    let tiles = load(&mut transaction, &plan).await?;
    Ok(Consistency { size, proof: plan.consistency(&tiles)? })
}

/// The size that was asked for, if the log has it; without one, the whole log's.
pub(crate) async fn size_within(
    transaction: &mut Transaction,
    key: &VerifierKey,
    asked: Option<u64>,
) -> Result<u64, ProofRequestError> {
    let head = transaction.log().head(key.name()).await?;
    let size = head.map_or(0, |Head { size, .. }| size);
    match asked {
        Some(asked) if asked > size => Err(OutOfTree { asked, size }.into()),
        Some(asked) => Ok(asked),
        None => Ok(size),
    }
}

/// The tiles of a plan: one question for those that are stored, one for the leaves at the right edge.
async fn load(
    transaction: &mut Transaction,
    plan: &Plan,
) -> Result<HashMap<TileId, Vec<Hash>>, StorageError> {
    let ids: Vec<_> = plan.tiles().iter().map(|(id, _)| *id).collect();
    let mut tiles: HashMap<_, _> = transaction.log().tiles(&ids).await?.into_iter().collect();
    for (id, width) in plan.tiles() {
        if id.level == 0 && !tiles.contains_key(id) {
            tiles.insert(*id, tile::leaves(transaction, id.index, *width).await?);
        }
    }
    Ok(tiles)
}
