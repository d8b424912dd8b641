//! Recording that a device was not given a certificate.
use imp_identity::device::EnrolmentMeans;
use imp_identity::{Actor, DeviceId, Event};
use imp_storage::StorageError;

use super::Context;

/// Records a refusal by its word, and of which device, as far as it is known.
pub async fn refuse_enrolment(
    context: &mut Context<'_>,
    device: Option<DeviceId>,
    means: EnrolmentMeans,
    word: &str,
) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    let event = Event::DeviceEnrolmentRefused { device, means, reason: word.to_owned() };
    context.append(&mut transaction, &Actor::Server, event).await?;
    transaction.commit().await
}
