//! Setting where notices to a user go.
use imp_identity::name::Email;
use imp_identity::user::User;
use imp_identity::{Actor, UserId};
use imp_storage::StorageError;

use super::Context;
use crate::store::Tables as _;

/// The address was not set.
#[derive(Debug, thiserror::Error)]
pub enum ContactUserError {
    /// There is no such user.
    #[error("there is no such user")]
    NotFound,
    /// See the source.
    #[error("could not store the address")]
    Storage(#[from] StorageError),
}

/// Sets or removes a user's e-mail address. Setting the address that she has is answered and recorded nowhere.
pub async fn contact_user(
    context: &mut Context<'_>,
    actor: Actor,
    id: UserId,
    email: Option<Email>,
) -> Result<User, ContactUserError> {
    let mut transaction = context.storage.begin().await?;
    let user = transaction.users().find(id).await?.ok_or(ContactUserError::NotFound)?;
    if user.email == email {
        return Ok(user);
    }
    let (user, event) = user.contact(email);
    transaction.users().update(&user, context.now).await?;
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(user)
}
