//! Appending an entry.
use std::sync::Arc;

use imp_identity::clock::{from_micros, to_micros};
use imp_identity::{EventId, Record};
use imp_storage::{StorageError, Transaction};
use imp_translog::{
    Checkpoint, Hash, InclusionProof, LogKey, SignCheckpointError, commitment, leaf_hash,
    sign_checkpoint,
};
use jiff::Timestamp;
use rand::CryptoRng;

use super::head::Head;
use crate::store::{NewEntry, Tables as _};

/// Where a record went in the log, and all that proves it.
#[derive(Clone, Debug)]
pub(crate) struct Appended {
    /// Names the record.
    pub(crate) id: EventId,
    /// Its leaf index.
    pub(crate) index: u64,
    /// Its time: never before that of the entry before it.
    pub(crate) at: Timestamp,
    /// Its exact text.
    pub(crate) text: String,
    /// The salt of its commitment.
    pub(crate) salt: [u8; 32],
    /// That its leaf is the last of the tree of `index + 1` entries.
    pub(crate) proof: InclusionProof,
    /// The root of that tree.
    root: Hash,
}

impl Appended {
    /// The checkpoint of the tree of which it is the last leaf, signed. It counts when the transaction is committed, not before.
    pub(crate) fn checkpoint(&self, key: &LogKey) -> Result<String, SignCheckpointError> {
        let checkpoint = Checkpoint {
            origin: key.verifier_key().name().to_owned(),
            size: self.index + 1,
            root: self.root,
            extensions: vec![],
        };
        Ok(sign_checkpoint(&checkpoint, key)?.to_string())
    }
}

/// Appends a record, within the transaction of the change that it records. Time in the log never runs backwards, and has
/// microseconds: the record's `at` is raised to that of the entry before it.
pub(crate) async fn append(
    transaction: &mut Transaction,
    key: &Arc<LogKey>,
    mut record: Record,
    rng: &mut (dyn CryptoRng + Send + Sync),
) -> Result<Appended, StorageError> {
    let (index, last_at) = Head::carried(transaction, key).await?.next();
    let at = to_micros(record.at).max(last_at);
    record.at = from_micros(at).ok_or(StorageError::Corrupt { what: "log_head.last_at" })?;
    let text = serde_json::to_string(&record)
        .map_err(|_| StorageError::Corrupt { what: "entries.record" })?;
    let mut salt = [0; 32];
    rng.fill_bytes(&mut salt);
    let commitment = commitment(&salt, &text);
    let entry =
        NewEntry { index, record: &record, text: &text, salt: &salt, commitment: &commitment };
    transaction.entries().add(&entry).await?;
    // Only now: an entry that was refused leaves no leaf.
    let head = Head::carried(transaction, key).await?;
    let (proof, root) = head.push(leaf_hash(&commitment), at);
    Ok(Appended { id: record.id, index, at: record.at, text, salt, proof, root })
}
