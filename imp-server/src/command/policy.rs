//! The policy in force.
use imp_identity::policy::{InvalidPolicy, Policy};
use imp_identity::{Actor, Event};
use imp_storage::{Storage, StorageError};

use super::Context;
use crate::store::Tables as _;

/// The policy was not put in force.
#[derive(Debug, thiserror::Error)]
pub enum SetPolicyError {
    /// It contradicts itself or the limits.
    #[error(transparent)]
    Invalid(#[from] InvalidPolicy),
    /// Somebody else changed the policy in the meantime.
    #[error("the policy has changed in the meantime: version {current} is in force")]
    Conflict {
        /// The version in force.
        current: u32,
    },
    /// See the source.
    #[error("could not store the policy")]
    Storage(#[from] StorageError),
}

/// The policy in force.
pub async fn current_policy(storage: &Storage) -> Result<Policy, StorageError> {
    storage.read().await?.policies().current().await
}

/// Puts an edited policy in force. Its version is the one that was edited; it is answered with its new one.
pub async fn set_policy(
    context: &mut Context<'_>,
    actor: Actor,
    policy: Policy,
) -> Result<Policy, SetPolicyError> {
    policy.validate()?;
    let mut transaction = context.storage.begin().await?;
    let current = transaction.policies().current().await?.version;
    let version = current.checked_add(1).filter(|_| policy.version == current);
    let version = version.ok_or(SetPolicyError::Conflict { current })?;
    let policy = Policy { version, ..policy };
    transaction.policies().add(&policy).await?;
    context.append(&mut transaction, &actor, Event::PolicyChanged { version }).await?;
    transaction.commit().await?;
    Ok(policy)
}
