//! Enrolling a workstation with its one-time code.
use imp_identity::Actor;
use imp_identity::invitation::{Code, InvitationError};
use imp_identity::workstation::{Workstation, WorkstationError};
use imp_storage::StorageError;

use super::Context;
use super::public_key::{self, InvalidPublicKey};
use crate::store::Tables as _;

/// The workstation was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolWorkstationError {
    /// The key is not one of this protocol.
    #[error(transparent)]
    PublicKey(#[from] InvalidPublicKey),
    /// The code or the workstation does not count.
    #[error(transparent)]
    Refused(#[from] WorkstationError),
    /// See the source.
    #[error("could not store the workstation")]
    Storage(#[from] StorageError),
}

/// Enrols the workstation that shows a one-time code. Showing it again within its time with the same key, because the
/// answer was lost, is answered the same.
pub async fn enrol_workstation(
    context: &mut Context<'_>,
    code: &Code,
    public_key: Vec<u8>,
) -> Result<Workstation, EnrolWorkstationError> {
    public_key::check(&public_key)?;
    // A stranger's wrong guess must not make the one writer's queue longer.
    let found = context.storage.read().await?.workstations().find_by_code(code.digest()).await?;
    found.ok_or(WorkstationError::Invitation(InvitationError::Wrong))?;
    let mut transaction = context.storage.begin().await?;
    let found = transaction.workstations().find_by_code(code.digest()).await?;
    let (workstation, invitation) =
        found.ok_or(WorkstationError::Invitation(InvitationError::Wrong))?;
    if workstation.public_key() == Some(&public_key) && context.now < invitation.expires_at {
        return Ok(workstation);
    }
    let (workstation, event) = workstation.enrol(code, public_key, context.now)?;
    transaction.workstations().update(&workstation).await?;
    let actor = Actor::Workstation(workstation.id);
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(workstation)
}
