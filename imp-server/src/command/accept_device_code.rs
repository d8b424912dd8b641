//! A device, or the technician beside it, shows the one-time code.
use imp_identity::Digest;
use imp_identity::device::{Device, Lifecycle};
use imp_identity::invitation::{Code, InvitationError};
use imp_storage::{StorageError, Transaction};

use super::Context;
use crate::store::{EnrolmentCode, Tables as _};

/// The code does not count.
#[derive(Debug, thiserror::Error)]
pub enum AcceptDeviceCodeError {
    /// It is unknown, expired, or was used with another key.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    /// The device was retired.
    #[error("this device was retired")]
    Retired,
    /// See the source.
    #[error("could not store that the code was used")]
    Storage(#[from] StorageError),
}

/// Accepts a one-time code for a key (SHA-256 of its `SubjectPublicKeyInfo`): it counts for the first key that is shown with it,
/// and for that one until it expires, so that an answer that was lost, or that waits for a second person, can be asked for again.
pub async fn accept_device_code(
    context: &mut Context<'_>,
    code: &Code,
    key: Digest,
) -> Result<Device, AcceptDeviceCodeError> {
    // A stranger's wrong guess must not make the one writer's queue longer.
    let (device, known) = find(&mut context.storage.read().await?, code).await?;
    accepts(&device, &known, code, key, context)?;
    if known.key.is_some() {
        return Ok(device);
    }
    let mut transaction = context.storage.begin().await?;
    let (device, known) = find(&mut transaction, code).await?;
    accepts(&device, &known, code, key, context)?;
    let used = EnrolmentCode { key: Some(key), ..known };
    transaction.devices().invite(device.id, Some(&used)).await?;
    // Nobody has compared this key yet.
    transaction.approvals().end(device.id, context.now).await?;
    transaction.commit().await?;
    Ok(device)
}

async fn find(
    transaction: &mut Transaction,
    code: &Code,
) -> Result<(Device, EnrolmentCode), AcceptDeviceCodeError> {
    let found = transaction.devices().find_by_code(code.digest()).await?;
    Ok(found.ok_or(InvitationError::Wrong)?)
}

fn accepts(
    device: &Device,
    known: &EnrolmentCode,
    code: &Code,
    key: Digest,
    context: &Context<'_>,
) -> Result<(), AcceptDeviceCodeError> {
    known.invitation.accept(code, context.now)?;
    if known.key.is_some_and(|first| first != key) {
        return Err(InvitationError::Wrong.into());
    }
    if device.state == Lifecycle::Retired {
        return Err(AcceptDeviceCodeError::Retired);
    }
    Ok(())
}
