//! What witnesses answer: their cosignatures are kept, their refusals are an alarm in the log.
use imp_identity::{Actor, Event};
use imp_storage::StorageError;
use imp_translog::{Signature, SignedNote};
use jiff::Timestamp;

use super::Context;
use crate::store::Tables as _;

/// Keeps what witnesses cosigned of the checkpoint `note` of `size` entries. Of each hour the last checkpoint stays.
pub(crate) async fn keep_cosignatures(
    context: &mut Context<'_>,
    size: u64,
    note: SignedNote,
    cosignatures: Vec<Signature>,
) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    let mut checkpoints = transaction.log_checkpoints();
    let stored = checkpoints.find(size).await?.and_then(|stored| stored.parse().ok());
    // One size has one root: whatever is stored of this size has the same text.
    let mut kept: SignedNote =
        stored.filter(|kept: &SignedNote| kept.text == note.text).unwrap_or(note);
    for cosignature in cosignatures {
        let same = |known: &Signature| {
            (&known.name, known.key_id) == (&cosignature.name, cosignature.key_id)
        };
        kept.signatures.retain(|known| !same(known));
        kept.signatures.push(cosignature);
    }
    checkpoints.forget(hour(context.now), size).await?;
    checkpoints.put(size, context.now, &kept.to_string()).await?;
    transaction.commit().await
}

/// Records that a witness refused the checkpoint of `size` entries of this server's log.
pub(crate) async fn report_refusal(
    context: &mut Context<'_>,
    size: u64,
    witness: &str,
    why: &str,
) -> Result<(), StorageError> {
    let origin = context.log_key.verifier_key().name().to_owned();
    let (witness, why) = (witness.to_owned(), why.to_owned());
    let event = Event::CheckpointRefused { origin, size, witness, why };
    let mut transaction = context.storage.begin().await?;
    context.append(&mut transaction, &Actor::Server, event).await?;
    transaction.commit().await
}

/// When the hour began.
fn hour(now: Timestamp) -> Timestamp {
    let second = now.as_second();
    Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(now)
}
