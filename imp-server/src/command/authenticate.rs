//! Whether a machine that shows a certificate still counts.
use imp_identity::device::{Device, Lifecycle};
use imp_identity::phone::{self, Phone};
use imp_identity::spiffe::Machine;
use imp_identity::workstation::{self, Workstation};
use imp_identity::{DeviceId, Digest, PhoneId, WorkstationId};
use imp_storage::{Storage, StorageError};

use crate::store::Tables as _;

/// The machine does not count.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateMachineError {
    /// There is none of that name, or it never used its code.
    #[error("this machine is not known here")]
    Unknown,
    /// It was revoked.
    #[error("this machine was revoked")]
    Revoked,
    /// Its certificate is for another key than the one that it enrolled with.
    #[error("this machine's certificate is for another key")]
    OtherKey,
    /// See the source.
    #[error("could not look up the machine")]
    Storage(#[from] StorageError),
}

/// The enrolled workstation whose certificate names `id` and `public_key` (a `SubjectPublicKeyInfo` in DER).
pub async fn authenticate_workstation(
    storage: &Storage,
    id: WorkstationId,
    public_key: &[u8],
) -> Result<Workstation, AuthenticateMachineError> {
    let found = storage.read().await?.workstations().find(id).await?;
    let workstation = found.ok_or(AuthenticateMachineError::Unknown)?;
    match &workstation.state {
        workstation::State::Invited(_) => Err(AuthenticateMachineError::Unknown),
        workstation::State::Revoked { .. } => Err(AuthenticateMachineError::Revoked),
        workstation::State::Enrolled { public_key: key, .. } if key == public_key => {
            Ok(workstation)
        }
        workstation::State::Enrolled { .. } => Err(AuthenticateMachineError::OtherKey),
    }
}

/// The bound phone whose certificate names `id` and `public_key` (a `SubjectPublicKeyInfo` in DER).
pub async fn authenticate_phone(
    storage: &Storage,
    id: PhoneId,
    public_key: &[u8],
) -> Result<Phone, AuthenticateMachineError> {
    let found = storage.read().await?.phones().find(id).await?;
    let phone = found.ok_or(AuthenticateMachineError::Unknown)?;
    match &phone.state {
        phone::State::Invited(_) => Err(AuthenticateMachineError::Unknown),
        phone::State::Revoked { .. } => Err(AuthenticateMachineError::Revoked),
        phone::State::Bound(binding) if binding.public_key == public_key => Ok(phone),
        phone::State::Bound(_) => Err(AuthenticateMachineError::OtherKey),
    }
}

/// The device in use whose certificate names `id` and `public_key` (a `SubjectPublicKeyInfo` in DER) and has this serial
/// number: it is one that was issued here to this device, and is neither revoked nor held. That it has not expired is for the
/// caller to see.
pub async fn authenticate_device(
    storage: &Storage,
    id: DeviceId,
    public_key: &[u8],
    serial: &str,
) -> Result<Device, AuthenticateMachineError> {
    let mut reading = storage.read().await?;
    let device = reading.devices().find(id).await?.ok_or(AuthenticateMachineError::Unknown)?;
    match device.state {
        Lifecycle::Registered => return Err(AuthenticateMachineError::Unknown),
        Lifecycle::Active => {}
        Lifecycle::Suspended | Lifecycle::Quarantined | Lifecycle::Retired => {
            return Err(AuthenticateMachineError::Revoked);
        }
    }
    let key = Digest::of(&[public_key]);
    let shown = reading.certificates().find_by_serial(serial).await?;
    let shown = shown.filter(|certificate| {
        certificate.spiffe_id.machine == Machine::Device(id)
            && certificate.issuance.as_ref().is_some_and(|issuance| issuance.key == key)
    });
    match shown {
        None => Err(AuthenticateMachineError::OtherKey),
        Some(shown) if shown.withdrawal.is_some() => Err(AuthenticateMachineError::Revoked),
        Some(_) => Ok(device),
    }
}
