//! Giving a technician a one-time code with which a device is enrolled.
use imp_identity::device::Lifecycle;
use imp_identity::invitation::{Code, Invitation};
use imp_identity::{Actor, DeviceId, Event};
use imp_storage::StorageError;
use jiff::{SignedDuration, Timestamp};

use super::Context;
use crate::store::{EnrolmentCode, Tables as _};

/// A device may enrol.
#[derive(Clone, Debug)]
pub struct DeviceInvited {
    /// Which.
    pub device: DeviceId,
    /// To be shown with the request for a certificate.
    pub code: Code,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// The device was not invited.
#[derive(Debug, thiserror::Error)]
pub enum InviteDeviceError {
    /// There is no such device.
    #[error("there is no such device")]
    NotFound,
    /// It is suspended, in quarantine, or retired.
    #[error("this device is suspended, in quarantine, or retired")]
    State,
    /// See the source.
    #[error("could not store the one-time code")]
    Storage(#[from] StorageError),
}

/// Makes a one-time code for a device; the one before no longer counts, and neither does what a second person approved: she
/// has not seen the key that will be shown with this one.
pub async fn invite_device(
    context: &mut Context<'_>,
    actor: Actor,
    id: DeviceId,
    lifetime: SignedDuration,
) -> Result<DeviceInvited, InviteDeviceError> {
    let mut transaction = context.storage.begin().await?;
    let device = transaction.devices().find(id).await?.ok_or(InviteDeviceError::NotFound)?;
    match device.state {
        Lifecycle::Registered | Lifecycle::Active => {}
        Lifecycle::Suspended | Lifecycle::Quarantined | Lifecycle::Retired => {
            return Err(InviteDeviceError::State);
        }
    }
    let (invitation, code) = Invitation::open(lifetime, context.now, &mut context.rng);
    let kept = EnrolmentCode { invitation, key: None, by: actor.clone() };
    transaction.devices().invite(id, Some(&kept)).await?;
    transaction.approvals().end(id, context.now).await?;
    let expires_at = invitation.expires_at;
    let event = Event::DeviceInvited { device: id, expires_at };
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(DeviceInvited { device: id, code, expires_at })
}
