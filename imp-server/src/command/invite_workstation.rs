//! Inviting a workstation, and listing them.
use imp_identity::invitation::{Code, Invitation};
use imp_identity::name::Label;
use imp_identity::workstation::{Place, Workstation};
use imp_identity::{Actor, WorkstationId};
use imp_storage::{Page, Storage, StorageError};
use jiff::{SignedDuration, Timestamp};

use super::Context;
use crate::store::Tables as _;

/// How long the code counts: the time to walk to the workstation.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// A workstation may enrol.
#[derive(Clone, Debug)]
pub struct WorkstationInvited {
    /// Names the workstation.
    pub workstation: WorkstationId,
    /// To be typed at the workstation.
    pub code: Code,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// Invites a workstation.
pub async fn invite_workstation(
    context: &mut Context<'_>,
    actor: Actor,
    name: Label,
    place: Place,
) -> Result<WorkstationInvited, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let (invitation, code) = Invitation::open(LIFETIME, context.now, &mut context.rng);
    let id = WorkstationId::generate(context.now, &mut context.rng);
    let (workstation, event) = Workstation::invite(id, name, place, invitation);
    transaction.workstations().add(&workstation, &invitation).await?;
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(WorkstationInvited { workstation: id, code, expires_at: invitation.expires_at })
}

/// The workstations after one, in the order of their making; at most 500.
pub async fn list_workstations(
    storage: &Storage,
    after: Option<WorkstationId>,
    limit: u32,
) -> Result<Page<Workstation, WorkstationId>, StorageError> {
    storage.read().await?.workstations().page(after, limit).await
}
