//! Reading the event log.
use imp_identity::UserId;
use imp_storage::{Storage, StorageError};

use super::Entry;
use crate::store::Tables as _;

/// The entries after a place (0: from the first), in order; at most 500.
pub async fn events_page(
    storage: &Storage,
    after: u64,
    limit: u32,
) -> Result<Vec<Entry>, StorageError> {
    storage.read().await?.events().page(after, limit).await
}

/// The entries about a user after a place, in order; at most 500.
pub async fn events_of_user(
    storage: &Storage,
    user: UserId,
    after: u64,
    limit: u32,
) -> Result<Vec<Entry>, StorageError> {
    storage.read().await?.events().of_user(user, after, limit).await
}
