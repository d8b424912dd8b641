//! Disabling a user.
use imp_identity::user::{State, User};
use imp_identity::{Actor, UserId};
use imp_storage::StorageError;

use super::Context;
use super::deprovision::{Departure, DeprovisionError, deprovision};
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

impl From<DeprovisionError> for DisableUserError {
    fn from(error: DeprovisionError) -> Self {
        match error {
            DeprovisionError::LastAdministrator => Self::LastAdministrator,
            DeprovisionError::Storage(source) => Self::Storage(source),
        }
    }
}

/// Disables a user: her sessions, sign-ons, grants, codes and tokens end; her phones and references stop counting through her.
pub async fn disable_user(
    context: &mut Context<'_>,
    actor: Actor,
    id: UserId,
) -> Result<User, DisableUserError> {
    let mut transaction = context.storage.begin().await?;
    let user = transaction.users().find(id).await?.ok_or(DisableUserError::NotFound)?;
    match user.state {
        State::Active => {}
        State::Disabled { .. } => return Err(DisableUserError::AlreadyDisabled),
        State::Removed { .. } => return Err(DisableUserError::NotFound),
    }
    let user = deprovision(context, &mut transaction, &actor, user, Departure::Disabled).await?;
    transaction.commit().await?;
    Ok(user)
}
