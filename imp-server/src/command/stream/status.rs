//! Pausing, going on, and stopping (SSF 1.0 §8.1.2).
use imp_identity::StreamId;
use imp_identity::event::StreamStatus;
use imp_identity::name::Remark;
use imp_storage::StorageError;

use super::Author;
use super::change::changed;
use super::create::size;
use super::moved;
use crate::command::Context;
use crate::store::{StoredStream, Tables as _};
use crate::stream::Stream;

/// The status was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetStreamStatusError {
    /// There is none, or none that she may change.
    #[error("no such stream")]
    NotFound,
    /// See the source.
    #[error("could not store the stream's status")]
    Storage(#[from] StorageError),
}

/// Sets a stream's status. Paused, it keeps its place and catches up later; disabled, it misses what happens until it is
/// enabled again.
pub async fn set_stream_status(
    context: &mut Context<'_>,
    author: &Author,
    id: StreamId,
    status: StreamStatus,
    reason: Option<Remark>,
) -> Result<Stream, SetStreamStatusError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.streams().find(id).await?;
    let found = found.filter(|found| author.may_change(&found.stream));
    let StoredStream { mut stream, settings } = found.ok_or(SetStreamStatusError::NotFound)?;
    if (stream.status, &stream.reason) == (status, &reason) {
        return Ok(stream);
    }
    if stream.status == StreamStatus::Disabled && status != StreamStatus::Disabled {
        let size = size(context, &mut transaction).await?;
        let cursor = transaction.consumers().find(&stream.consumer()).await?;
        let cursor = cursor.ok_or(SetStreamStatusError::NotFound)?;
        transaction.consumers().update(&moved(cursor, size)).await?;
        transaction.streams().forget_acknowledged(id, 0..size).await?;
    }
    stream.status = status;
    stream.reason = reason;
    stream.revision += 1;
    let stored = StoredStream { stream, settings };
    transaction.streams().update(&stored).await?;
    let stream = stored.stream;
    context.append(&mut transaction, &author.actor, changed(&stream, author)).await?;
    transaction.commit().await?;
    Ok(stream)
}
