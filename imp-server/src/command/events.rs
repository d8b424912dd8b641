//! Reading the log.
use imp_identity::UserId;
use imp_storage::{Storage, StorageError};

use super::StoredEntry;
use crate::store::Tables as _;

/// The entries from an index on, in order; at most 500.
pub async fn events_page(
    storage: &Storage,
    from: u64,
    limit: u32,
) -> Result<Vec<StoredEntry>, StorageError> {
    storage.read().await?.entries().page(from, limit).await
}

/// The entries about a user from an index on, in order; at most 500.
pub async fn events_of_user(
    storage: &Storage,
    user: UserId,
    from: u64,
    limit: u32,
) -> Result<Vec<StoredEntry>, StorageError> {
    storage.read().await?.entries().of_user(user, from, limit).await
}
