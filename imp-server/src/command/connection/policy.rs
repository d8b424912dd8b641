//! The versions of the connection policy.
use imp_connection::{Diff, Observation, Policy, PolicyError, Rule};
use imp_identity::{Actor, Event};
use imp_storage::{Storage, StorageError, Transaction};
use jiff::Timestamp;

use super::MOST_KINDS;
use crate::command::Context;
use crate::store::{StoredPolicy, Tables as _};

/// The policy was not put in force.
#[derive(Debug, thiserror::Error)]
pub enum SetConnectionPolicyError {
    /// The rules make no policy.
    #[error(transparent)]
    Invalid(#[from] PolicyError),
    /// Somebody else changed it in the meantime.
    #[error("the connection policy has changed in the meantime: version {current} is in force")]
    Conflict {
        /// The version in force.
        current: u32,
    },
    /// See the source.
    #[error("could not store the connection policy")]
    Storage(#[from] StorageError),
}

/// A version of the policy, or the one in force.
pub async fn connection_policy(
    storage: &Storage,
    version: Option<u32>,
) -> Result<Option<StoredPolicy>, StorageError> {
    let mut reading = storage.read().await?;
    match version {
        Some(number) => reading.connections().version(number).await,
        None => reading.connections().current().await.map(Some),
    }
}

/// What was seen since an instant, the latest kinds of connections.
pub async fn observations(
    storage: &Storage,
    since: Option<Timestamp>,
) -> Result<Vec<Observation>, StorageError> {
    let since = since.unwrap_or(Timestamp::UNIX_EPOCH);
    storage.read().await?.observations().since(since, MOST_KINDS).await
}

/// Puts rules in force; `edited` is the version that they were made from. Rules that say the same as those in force change
/// nothing, and are recorded nowhere.
pub async fn set_connection_policy(
    context: &mut Context<'_>,
    actor: Actor,
    edited: u32,
    rules: Vec<Rule>,
) -> Result<StoredPolicy, SetConnectionPolicyError> {
    let mut transaction = context.storage.begin().await?;
    let current = transaction.connections().current().await?;
    let number = current.policy.version();
    if number != edited {
        return Err(SetConnectionPolicyError::Conflict { current: number });
    }
    let next = number.checked_add(1);
    let next = next.ok_or(SetConnectionPolicyError::Conflict { current: number })?;
    let policy = Policy::new(next, rules)?;
    if Diff::between(&current.policy, &policy).is_empty() {
        return Ok(current);
    }
    let stored = put(context, &mut transaction, actor, policy).await?;
    transaction.commit().await?;
    Ok(stored)
}

/// Stores the next version with its event.
pub(super) async fn put(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: Actor,
    policy: Policy,
) -> Result<StoredPolicy, StorageError> {
    transaction.connections().add(&policy, &actor, context.now).await?;
    let (version, digest) = (policy.version(), policy.digest());
    let event = Event::ConnectionPolicyChanged { version, policy: digest };
    context.append(transaction, &actor, event).await?;
    Ok(StoredPolicy { policy, changed: Some((actor, context.now)) })
}
