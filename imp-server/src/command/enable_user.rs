//! Enabling a user again.
use imp_identity::user::{User, UserError};
use imp_identity::{Actor, UserId};
use imp_storage::StorageError;

use super::Context;
use crate::store::Tables as _;

/// The user was not enabled.
#[derive(Debug, thiserror::Error)]
pub enum EnableUserError {
    /// There is no such user.
    #[error("no such user")]
    NotFound,
    /// Nothing to enable.
    #[error("the user is active already")]
    AlreadyActive,
    /// See the source.
    #[error("could not store that the user is enabled")]
    Storage(#[from] StorageError),
}

impl From<UserError> for EnableUserError {
    fn from(error: UserError) -> Self {
        match error {
            UserError::AlreadyDisabled | UserError::AlreadyActive => Self::AlreadyActive,
            UserError::Removed => Self::NotFound,
        }
    }
}

/// Lets a user be authenticated again.
pub async fn enable_user(
    context: &mut Context<'_>,
    actor: Actor,
    id: UserId,
) -> Result<User, EnableUserError> {
    let mut transaction = context.storage.begin().await?;
    let user = transaction.users().find(id).await?.ok_or(EnableUserError::NotFound)?;
    let (user, event) = user.enable()?;
    transaction.users().update(&user, context.now).await?;
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(user)
}
