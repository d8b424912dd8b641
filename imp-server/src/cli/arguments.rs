//! Values that people type, parsed.
use imp_identity::name::Username;
use imp_identity::user::User;
use imp_storage::Storage;

use super::output::{Failure, failure};
use crate::command;

/// The user of that name.
pub(super) async fn user(storage: &Storage, username: &Username) -> Result<User, Failure> {
    let found = command::find_username(storage, username).await?;
    found.ok_or_else(|| failure(format!("there is no user `{username}`")))
}
