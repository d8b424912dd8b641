//! How far an enrolment has come.
use imp_identity::EnrolmentId;
use imp_identity::enrolment::Enrolment;
use imp_identity::phone::Phone;
use imp_storage::{Storage, StorageError};

use crate::store::Tables as _;

/// An enrolment and its phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentStatus {
    /// The enrolment.
    pub enrolment: Enrolment,
    /// The phone that is bound in it.
    pub phone: Phone,
}

/// How far an enrolment has come; `None` if there is no such enrolment.
pub async fn enrolment_status(
    storage: &Storage,
    id: EnrolmentId,
) -> Result<Option<EnrolmentStatus>, StorageError> {
    let mut transaction = storage.read().await?;
    let Some((enrolment, _)) = transaction.enrolments().find(id).await? else { return Ok(None) };
    let phone = transaction.phones().find(enrolment.phone).await?;
    Ok(phone.map(|phone| EnrolmentStatus { enrolment, phone }))
}
