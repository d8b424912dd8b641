//! The end of a stream.
use imp_identity::{Event, StreamId};
use imp_storage::StorageError;

use super::Author;
use crate::command::Context;
use crate::store::Tables as _;

/// The stream was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteStreamError {
    /// There is none, or none that she may delete.
    #[error("no such stream")]
    NotFound,
    /// See the source.
    #[error("could not delete the stream")]
    Storage(#[from] StorageError),
}

/// Deletes a stream, its secrets and its place in the log.
pub async fn delete_stream(
    context: &mut Context<'_>,
    author: &Author,
    id: StreamId,
) -> Result<(), DeleteStreamError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.streams().find(id).await?;
    let found = found.filter(|found| author.may_change(&found.stream));
    let stream = found.ok_or(DeleteStreamError::NotFound)?.stream;
    transaction.streams().delete(id).await?;
    transaction.consumers().delete(&stream.consumer()).await?;
    let event = Event::StreamDeleted { stream: id, receiver: author.receiver };
    context.append(&mut transaction, &author.actor, event).await?;
    Ok(transaction.commit().await?)
}
