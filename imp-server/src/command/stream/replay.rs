//! Delivering again.
use imp_identity::event::Steering;
use imp_identity::{Actor, Event, StreamId};
use imp_storage::StorageError;

use super::create::size;
use super::moved;
use crate::command::Context;
use crate::store::{StoredStream, Tables as _};

/// Nothing is delivered again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayStreamError {
    /// There is none.
    #[error("no such stream")]
    NotFound,
    /// The log is not that long.
    #[error("the log has {size} entries")]
    Beyond {
        /// Its size.
        size: u64,
    },
    /// See the source.
    #[error("could not store the stream's place")]
    Storage(#[from] StorageError),
}

/// Delivers again everything from an index on, and what was set aside there.
pub async fn replay_stream(
    context: &mut Context<'_>,
    actor: Actor,
    id: StreamId,
    from: u64,
) -> Result<(), ReplayStreamError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.streams().find(id).await?;
    let StoredStream { mut stream, settings } = found.ok_or(ReplayStreamError::NotFound)?;
    let size = size(context, &mut transaction).await?;
    if from > size {
        return Err(ReplayStreamError::Beyond { size });
    }
    let consumer = stream.consumer();
    let cursor = transaction.consumers().find(&consumer).await?;
    let cursor = cursor.ok_or(ReplayStreamError::NotFound)?;
    transaction.consumers().update(&moved(cursor, from)).await?;
    transaction.consumers().take_back(&consumer, from).await?;
    transaction.streams().forget_acknowledged(id, 0..size).await?;
    // What delivers it is made anew, and with it what it remembers of a batch that failed half-way.
    stream.revision += 1;
    transaction.streams().update(&StoredStream { stream, settings }).await?;
    let event = Event::ConsumerSteered { consumer, steering: Steering::Replayed, from: Some(from) };
    context.append(&mut transaction, &actor, event).await?;
    Ok(transaction.commit().await?)
}
