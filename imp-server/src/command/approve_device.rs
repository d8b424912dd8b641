//! A second person decides on a device's enrolment.
use imp_identity::device::{Approval, ApprovalError};
use imp_identity::name::Remark;
use imp_identity::{Actor, ApprovalId};
use imp_storage::{Storage, StorageError};
use jiff::SignedDuration;

use super::Context;
use crate::store::Tables as _;

/// The enrolment was not decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideEnrolmentError {
    /// There is no such request.
    #[error("there is no such enrolment to decide")]
    NotFound,
    /// It cannot be decided so.
    #[error(transparent)]
    Decision(#[from] ApprovalError),
    /// See the source.
    #[error("could not store the decision")]
    Storage(#[from] StorageError),
}

/// Approves for `lifetime`. Neither who registered the device nor who made its one-time code can.
pub async fn approve_device(
    context: &mut Context<'_>,
    actor: Actor,
    id: ApprovalId,
    lifetime: SignedDuration,
) -> Result<Approval, DecideEnrolmentError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.approvals().find(id).await?;
    let approval = found.ok_or(DecideEnrolmentError::NotFound)?;
    let device = transaction.devices().find_with_code(approval.device).await?;
    let (device, code) = device.ok_or(DecideEnrolmentError::NotFound)?;
    let mut first = vec![device.registered_by];
    first.extend(code.map(|code| code.by));
    // Nor can who gave its ACME client a key.
    first.extend(transaction.acme().makers_of_keys(approval.device).await?);
    let (approval, event) = approval.approve(actor.clone(), &first, lifetime, context.now)?;
    transaction.approvals().decide(&approval).await?;
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(approval)
}

/// Refuses, and says why.
pub async fn reject_device(
    context: &mut Context<'_>,
    actor: Actor,
    id: ApprovalId,
    reason: Remark,
) -> Result<Approval, DecideEnrolmentError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.approvals().find(id).await?;
    let approval = found.ok_or(DecideEnrolmentError::NotFound)?;
    let (approval, event) = approval.reject(actor.clone(), reason, context.now)?;
    transaction.approvals().decide(&approval).await?;
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(approval)
}

/// One request.
pub async fn find_approval(
    storage: &Storage,
    id: ApprovalId,
) -> Result<Option<Approval>, StorageError> {
    storage.read().await?.approvals().find(id).await
}

/// The requests that nobody has decided, the oldest first; at most 500.
pub async fn open_approvals(storage: &Storage) -> Result<Vec<Approval>, StorageError> {
    storage.read().await?.approvals().open(500).await
}
