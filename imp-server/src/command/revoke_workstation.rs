//! Withdrawing a workstation.
use imp_identity::phone::Revocation;
use imp_identity::session::End;
use imp_identity::spiffe::Machine;
use imp_identity::workstation::WorkstationError;
use imp_identity::{Actor, WorkstationId};
use imp_storage::StorageError;

use super::Context;
use super::change_sessions::end_session_for;
use super::revoke_certificate::revoke_all_of;
use crate::store::Tables as _;

/// The workstation was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeWorkstationError {
    /// There is no such workstation.
    #[error("no such workstation")]
    NotFound,
    /// It was revoked before.
    #[error("this workstation was revoked already")]
    AlreadyRevoked,
    /// See the source.
    #[error("could not store the revocation")]
    Storage(#[from] StorageError),
}

impl From<WorkstationError> for RevokeWorkstationError {
    fn from(error: WorkstationError) -> Self {
        match error {
            WorkstationError::Revoked
            | WorkstationError::AlreadyEnrolled
            | WorkstationError::Invitation(_) => Self::AlreadyRevoked,
        }
    }
}

/// Stops accepting a workstation, and ends the sessions there.
pub async fn revoke_workstation(
    context: &mut Context<'_>,
    actor: Actor,
    id: WorkstationId,
    reason: Revocation,
) -> Result<(), RevokeWorkstationError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.workstations().find(id).await?;
    let (workstation, event) =
        found.ok_or(RevokeWorkstationError::NotFound)?.revoke(context.now, reason)?;
    transaction.workstations().update(&workstation).await?;
    context.append(&mut transaction, &actor, event).await?;
    let machine = Machine::Workstation(id);
    revoke_all_of(context, &mut transaction, &actor, machine, reason).await?;
    for open in transaction.sessions().open_at(id).await? {
        let (transaction, reason) = (&mut transaction, End::Administrator);
        end_session_for(context, transaction, &actor, open.session, reason).await?;
    }
    transaction.commit().await?;
    Ok(())
}
