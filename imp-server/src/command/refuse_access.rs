//! Recording that somebody was not allowed what she asked for, and that the policies changed.
use imp_identity::{Actor, Digest, Event, UserId};
use imp_storage::StorageError;

use super::Context;
use crate::store::Tables as _;

/// Where the digest of the policies of the last start is kept.
const SETTING: &str = "access-policies";

/// Records that a person was refused an operation.
pub async fn refuse_access(
    context: &mut Context<'_>,
    user: UserId,
    operation: &str,
) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    let event = Event::AccessRefused { user, action: operation.to_owned() };
    context.append(&mut transaction, &Actor::User(user), event).await?;
    transaction.commit().await
}

/// Records that other policies count than at the last start, if they do; whether they do. The first start records nothing:
/// what is shipped counts.
pub async fn adopt_policies(
    context: &mut Context<'_>,
    policies: Digest,
) -> Result<bool, StorageError> {
    let text = policies.to_string();
    let mut transaction = context.storage.begin().await?;
    let before = transaction.settings().find(SETTING).await?;
    if before.as_ref() == Some(&text) {
        return Ok(false);
    }
    transaction.settings().put(SETTING, &text).await?;
    if before.is_some() {
        let event = Event::AccessPoliciesChanged { policies };
        context.append(&mut transaction, &Actor::Server, event).await?;
    }
    transaction.commit().await?;
    Ok(before.is_some())
}
