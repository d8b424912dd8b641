//! The inventory: putting devices in, saying something else of them, looking them up.
use imp_identity::device::{Description, Device, DeviceError};
use imp_identity::name::Label;
use imp_identity::{Actor, DeviceId};
use imp_storage::{Page, Storage, StorageError};
use jiff::Timestamp;

use super::{Certificate, Context, DeviceFilter, EnrolmentCode};
use crate::store::Tables as _;

/// The inventory was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterDeviceError {
    /// There is no such device.
    #[error("there is no such device")]
    NotFound,
    /// It cannot be so.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Another device is called so, has this serial number, or one of these names on the network.
    #[error(
        "another device is called so, has this manufacturer and serial number, or has one of these names on the network"
    )]
    Taken,
    /// See the source.
    #[error("could not store the device")]
    Storage(#[source] StorageError),
}

impl From<StorageError> for RegisterDeviceError {
    fn from(error: StorageError) -> Self {
        if error.is_unique_violation() { Self::Taken } else { Self::Storage(error) }
    }
}

/// Puts a device in the inventory.
pub async fn register_device(
    context: &mut Context<'_>,
    actor: Actor,
    description: Description,
) -> Result<Device, RegisterDeviceError> {
    let id = DeviceId::generate(context.now, &mut context.rng);
    let (device, event) = Device::register(id, description, actor.clone(), context.now)?;
    let mut transaction = context.storage.begin().await?;
    transaction.devices().add(&device).await?;
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(device)
}

/// Says something else of a device. Saying what is so already is recorded nowhere. Certificates that it has keep their names until
/// they are renewed or revoked.
pub async fn describe_device(
    context: &mut Context<'_>,
    actor: Actor,
    id: DeviceId,
    description: Description,
) -> Result<Device, RegisterDeviceError> {
    let mut transaction = context.storage.begin().await?;
    let device = transaction.devices().find(id).await?.ok_or(RegisterDeviceError::NotFound)?;
    let (device, Some(event)) = device.clone().describe(description)? else { return Ok(device) };
    transaction.devices().describe(&device).await?;
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(device)
}

/// One device, and its one-time code.
pub async fn find_device(
    storage: &Storage,
    id: DeviceId,
) -> Result<Option<(Device, Option<EnrolmentCode>)>, StorageError> {
    storage.read().await?.devices().find_with_code(id).await
}

/// The device that people call so.
pub async fn find_device_named(
    storage: &Storage,
    name: &Label,
) -> Result<Option<Device>, StorageError> {
    storage.read().await?.devices().find_by_label(name).await
}

/// The devices after one, in the order of their registration; at most 500.
pub async fn list_devices(
    storage: &Storage,
    filter: &DeviceFilter,
    after: Option<DeviceId>,
    limit: u32,
) -> Result<Page<Device, DeviceId>, StorageError> {
    storage.read().await?.devices().page(filter, after, limit).await
}

/// A device's certificates that have not expired, the longest-lived first.
pub async fn certificates_of_device(
    storage: &Storage,
    id: DeviceId,
    now: Timestamp,
) -> Result<Vec<Certificate>, StorageError> {
    storage.read().await?.certificates().of_device(id, now).await
}
