//! How streams stand.
use imp_identity::{ReceiverId, StreamId};
use imp_storage::{Storage, StorageError};

use crate::store::{Cursor, StoredStream, Tables as _};
use crate::stream::Stream;

/// A stream, as an administrator sees it.
#[derive(Clone, Debug)]
pub struct StreamState {
    /// What it is.
    pub stream: Stream,
    /// Where it goes, sealed.
    pub settings: Vec<u8>,
    /// How far it has come.
    pub cursor: Cursor,
    /// Entries of the log that it has not looked at.
    pub behind: u64,
    /// Entries that its receiver could not digest.
    pub set_aside: u64,
}

/// Every stream, by name.
pub async fn list_streams(
    storage: &Storage,
    origin: &str,
) -> Result<Vec<StreamState>, StorageError> {
    let mut transaction = storage.read().await?;
    let size = transaction.log().head(origin).await?.map_or(0, |head| head.size);
    let mut states = Vec::new();
    for StoredStream { stream, settings } in transaction.streams().all().await? {
        let consumer = stream.consumer();
        // Made with the stream and deleted with it.
        let Some(cursor) = transaction.consumers().find(&consumer).await? else { continue };
        let set_aside = transaction.consumers().count_aside(&consumer).await?;
        let behind = size.saturating_sub(cursor.next);
        states.push(StreamState { stream, settings, cursor, behind, set_aside });
    }
    Ok(states)
}

/// A receiver's streams, oldest first.
pub async fn streams_of_receiver(
    storage: &Storage,
    receiver: ReceiverId,
) -> Result<Vec<StoredStream>, StorageError> {
    storage.read().await?.streams().of_receiver(receiver).await
}

/// One stream.
pub async fn find_stream(
    storage: &Storage,
    id: StreamId,
) -> Result<Option<StoredStream>, StorageError> {
    storage.read().await?.streams().find(id).await
}
