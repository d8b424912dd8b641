//! Saying where a workstation stands.
use imp_identity::workstation::{Place, Workstation};
use imp_identity::{Actor, WorkstationId};
use imp_storage::StorageError;

use super::Context;
use crate::store::Tables as _;

/// The place was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PlaceWorkstationError {
    /// There is no such workstation.
    #[error("there is no such workstation")]
    NotFound,
    /// It does not stand anywhere any more.
    #[error("this workstation was revoked")]
    Revoked,
    /// See the source.
    #[error("could not store the place")]
    Storage(#[from] StorageError),
}

/// Says at which unit and site a workstation stands. Saying what is so already is recorded nowhere.
pub async fn place_workstation(
    context: &mut Context<'_>,
    actor: Actor,
    id: WorkstationId,
    place: Place,
) -> Result<Workstation, PlaceWorkstationError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.workstations().find(id).await?;
    let workstation = found.ok_or(PlaceWorkstationError::NotFound)?;
    if workstation.unit == place.unit && workstation.site == place.site {
        return Ok(workstation);
    }
    let (workstation, event) =
        workstation.place(place).map_err(|_| PlaceWorkstationError::Revoked)?;
    transaction.workstations().place(&workstation).await?;
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(workstation)
}
