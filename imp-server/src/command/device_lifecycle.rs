//! A device is suspended, suspected, let in again, or retired. Its certificates follow.
use imp_identity::device::{CertificateRevocation, Device, DeviceError, Lifecycle};
use imp_identity::name::Remark;
use imp_identity::{Actor, DeviceId};
use imp_storage::{StorageError, Transaction};
use jiff::Timestamp;

use super::revoke_certificate::{is_held, may_become, reinstate, revoke};
use super::{Context, Withdrawal};
use crate::store::Tables as _;

/// What is to become of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChange {
    /// Out of use for a while: its certificates are held.
    Suspend,
    /// Suspected: its certificates are held.
    Quarantine,
    /// In use again: its certificates count again.
    Reinstate,
    /// Never used again: its certificates are revoked.
    Retire,
}

/// The device was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeDeviceError {
    /// There is no such device.
    #[error("there is no such device")]
    NotFound,
    /// It cannot become that.
    #[error(transparent)]
    State(#[from] DeviceError),
    /// See the source.
    #[error("could not store the device's state")]
    Storage(#[from] StorageError),
}

/// Changes a device's state, and what its certificates count for, in one transaction. Its one-time code counts no longer.
pub async fn change_device(
    context: &mut Context<'_>,
    actor: Actor,
    id: DeviceId,
    change: DeviceChange,
    reason: Remark,
) -> Result<Device, ChangeDeviceError> {
    let mut transaction = context.storage.begin().await?;
    let device = transaction.devices().find(id).await?.ok_or(ChangeDeviceError::NotFound)?;
    let (now, before) = (context.now, (device.state, device.since));
    let (device, event) = match change {
        DeviceChange::Suspend => device.suspend(reason, now)?,
        DeviceChange::Quarantine => device.quarantine(reason, now)?,
        DeviceChange::Reinstate => device.reinstate(reason, now)?,
        DeviceChange::Retire => device.retire(reason, now)?,
    };
    transaction.devices().update(&device).await?;
    transaction.devices().invite(id, None).await?;
    context.append(&mut transaction, &actor, event).await?;
    follow(context, &mut transaction, &actor, (&device, before)).await?;
    transaction.commit().await?;
    Ok(device)
}

/// The certificates follow the device. What was held with it since it was in its state before counts again when it is
/// reinstated; what somebody had put on hold by itself stays held.
async fn follow(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    (device, (state, since)): (&Device, (Lifecycle, Timestamp)),
) -> Result<(), StorageError> {
    let was_held = matches!(state, Lifecycle::Suspended | Lifecycle::Quarantined);
    for certificate in transaction.certificates().of_device(device.id, context.now).await? {
        let held = certificate.withdrawal.filter(|_| is_held(&certificate));
        let with_it = was_held && held.is_some_and(|withdrawal| withdrawal.at >= since);
        let reason = match device.state {
            Lifecycle::Suspended | Lifecycle::Quarantined if with_it => {
                // It is held with the device as before; this instant says so.
                let withdrawal = held.map(|it| Withdrawal { at: context.now, ..it });
                transaction.certificates().withdraw(&certificate.serial, withdrawal).await?;
                continue;
            }
            Lifecycle::Suspended | Lifecycle::Quarantined => CertificateRevocation::CertificateHold,
            Lifecycle::Retired => CertificateRevocation::CessationOfOperation,
            Lifecycle::Registered | Lifecycle::Active => {
                if with_it {
                    reinstate(context, transaction, actor, &certificate).await?;
                }
                continue;
            }
        };
        if may_become(&certificate, reason) {
            revoke(context, transaction, actor, &certificate, reason).await?;
        }
    }
    Ok(())
}
