//! Reading users.
use imp_identity::UserId;
use imp_identity::name::Username;
use imp_identity::user::User;
use imp_storage::{Page, Storage, StorageError};

use crate::store::Tables as _;

/// One user.
pub async fn find_user(storage: &Storage, id: UserId) -> Result<Option<User>, StorageError> {
    storage.read().await?.users().find(id).await
}

/// The user of that name.
pub async fn find_username(
    storage: &Storage,
    name: &Username,
) -> Result<Option<User>, StorageError> {
    storage.read().await?.users().find_by_name(name).await
}

/// The names of the groups that a user is in.
pub async fn group_names(storage: &Storage, user: UserId) -> Result<Vec<String>, StorageError> {
    let groups = storage.read().await?.groups().of_user(user).await?;
    Ok(groups.into_iter().map(|stored| stored.group.name.to_string()).collect())
}

/// Whether a user has a passkey or security key.
pub async fn has_credential(storage: &Storage, user: UserId) -> Result<bool, StorageError> {
    Ok(!storage.read().await?.credentials().of_user(user).await?.is_empty())
}

/// The users after a name, by username; at most 500.
pub async fn list_users(
    storage: &Storage,
    after: Option<&Username>,
    limit: u32,
) -> Result<Page<User, Username>, StorageError> {
    storage.read().await?.users().page(after, limit).await
}
