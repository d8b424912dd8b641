//! Revoking a phone, and listing a user's.
use imp_identity::phone::{Phone, PhoneError, Revocation};
use imp_identity::spiffe::Machine;
use imp_identity::{Actor, PhoneId, UserId};
use imp_storage::{Storage, StorageError};

use super::Context;
use super::revoke_certificate::revoke_all_of;
use crate::store::Tables as _;

/// The phone was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokePhoneError {
    /// There is no such phone.
    #[error("no such phone")]
    NotFound,
    /// It was revoked before.
    #[error("this phone was revoked already")]
    AlreadyRevoked,
    /// See the source.
    #[error("could not store the revocation")]
    Storage(#[from] StorageError),
}

impl From<PhoneError> for RevokePhoneError {
    fn from(error: PhoneError) -> Self {
        match error {
            PhoneError::Revoked | PhoneError::AlreadyBound | PhoneError::Invitation(_) => {
                Self::AlreadyRevoked
            }
        }
    }
}

/// Stops accepting a phone and the references on it.
pub async fn revoke_phone(
    context: &mut Context<'_>,
    actor: Actor,
    id: PhoneId,
    reason: Revocation,
) -> Result<(), RevokePhoneError> {
    let mut transaction = context.storage.begin().await?;
    let phone = transaction.phones().find(id).await?.ok_or(RevokePhoneError::NotFound)?;
    let (phone, event) = phone.revoke(context.now, reason)?;
    transaction.phones().update(&phone).await?;
    context.append(&mut transaction, &actor, event).await?;
    revoke_all_of(context, &mut transaction, &actor, Machine::Phone(id), reason).await?;
    for reference in transaction.references().current_of_phone(id).await? {
        if let Ok((reference, event)) = reference.revoke(context.now, reason) {
            transaction.references().update(&reference).await?;
            context.append(&mut transaction, &actor, event).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// A user's phones, of whatever state, in the order of their making.
pub async fn phones_of_user(storage: &Storage, user: UserId) -> Result<Vec<Phone>, StorageError> {
    storage.read().await?.phones().of_user(user).await
}
