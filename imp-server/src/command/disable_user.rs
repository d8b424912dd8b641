//! Disabling a user.
use imp_identity::session::End;
use imp_identity::user::{Role, User, UserError};
use imp_identity::{Actor, UserId};
use imp_storage::StorageError;

use super::{Context, end_sessions_of_user};
use crate::store::Tables as _;

/// The user was not disabled.
#[derive(Debug, thiserror::Error)]
pub enum DisableUserError {
    /// There is no such user.
    #[error("no such user")]
    NotFound,
    /// Nothing to disable.
    #[error("the user is disabled already")]
    AlreadyDisabled,
    /// Nobody could enable her again.
    #[error("the last administrator cannot be disabled")]
    LastAdministrator,
    /// See the source.
    #[error("could not store that the user is disabled")]
    Storage(#[from] StorageError),
}

impl From<UserError> for DisableUserError {
    fn from(error: UserError) -> Self {
        match error {
            UserError::AlreadyDisabled | UserError::AlreadyActive => Self::AlreadyDisabled,
        }
    }
}

/// Disables a user: her session, codes and tokens end; her phones and references stop counting through her.
pub async fn disable_user(
    context: &mut Context<'_>,
    actor: Actor,
    id: UserId,
) -> Result<User, DisableUserError> {
    let mut transaction = context.storage.begin().await?;
    let user = transaction.users().find(id).await?.ok_or(DisableUserError::NotFound)?;
    let (user, event) = user.disable(context.now)?;
    if user.role == Role::Administrator && transaction.users().active_administrators().await? <= 1 {
        return Err(DisableUserError::LastAdministrator);
    }
    transaction.users().update(&user).await?;
    context.append(&mut transaction, &actor, event).await?;
    transaction.sign_in().remove_of_user(id).await?;
    end_sessions_of_user(context, &mut transaction, &actor, id, End::UserDisabled).await?;
    transaction.commit().await?;
    Ok(user)
}
