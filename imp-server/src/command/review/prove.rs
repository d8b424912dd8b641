//! Proving entries: each record with its salt and its proof, all in one tree.
use imp_identity::event::Reading;
use imp_identity::{Actor, Event};
use imp_storage::{StorageError, Transaction};
use imp_translog::InclusionProof;

use crate::command::Context;
use crate::log::{ProofRequestError, inclusions};
use crate::store::{StoredEntry, Tables as _};

/// An entry with everything that proves it.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The entry as it is kept.
    pub entry: StoredEntry,
    /// From its leaf to the root of the checkpoint.
    pub proof: InclusionProof,
    /// A signed note.
    pub checkpoint: String,
}

/// The entry was not proven.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The log has no such entry.
    #[error("the log has no such entry")]
    NotFound,
    /// See the source.
    #[error("could not make the proof")]
    Proof(#[source] ProofRequestError),
    /// See the source.
    #[error("could not read the log")]
    Storage(#[from] StorageError),
}

impl From<ProofRequestError> for ProveError {
    fn from(error: ProofRequestError) -> Self {
        match error {
            ProofRequestError::OutOfTree(_) => Self::NotFound,
            ProofRequestError::Storage(source) => Self::Storage(source),
            ProofRequestError::Tile(_) => Self::Proof(error),
        }
    }
}

/// The proof of one entry. Appends `log-read`.
pub async fn prove_entry(
    context: &mut Context<'_>,
    actor: &Actor,
    index: u64,
) -> Result<Proven, ProveError> {
    let mut transaction = context.storage.read().await?;
    let origin = context.log_key.verifier_key().name();
    let proven = prove_entries(&mut transaction, origin, &[index]).await?;
    drop(transaction);
    let proven = proven.into_iter().next().ok_or(ProveError::NotFound)?;
    let record = proven.entry.entry()?.map(|entry| entry.record);
    let event = Event::LogRead {
        means: Reading::Record,
        question: format!("{{\"index\":{index}}}"),
        user: record.as_ref().and_then(|record| record.event.user()),
        workstation: record.as_ref().and_then(|record| record.event.workstation()),
        case: None,
    };
    let mut transaction = context.storage.begin().await?;
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await?;
    Ok(proven)
}

/// The proofs of entries in the tree of the checkpoint that the log named `origin` has in this transaction; in the order
/// of the indexes. Appends nothing: who shows them to somebody says so.
pub async fn prove_entries(
    transaction: &mut Transaction,
    origin: &str,
    indexes: &[u64],
) -> Result<Vec<Proven>, ProveError> {
    let head = transaction.log().head(origin).await?.ok_or(ProveError::NotFound)?;
    if indexes.iter().any(|index| *index >= head.size) {
        return Err(ProveError::NotFound);
    }
    let proofs = inclusions(transaction, indexes, head.size).await?;
    let mut proven = vec![];
    for (index, proof) in indexes.iter().zip(proofs) {
        let entry = transaction.entries().find(*index).await?.ok_or(ProveError::NotFound)?;
        proven.push(Proven { entry, proof, checkpoint: head.checkpoint.clone() });
    }
    Ok(proven)
}
