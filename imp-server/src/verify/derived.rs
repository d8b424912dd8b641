//! Whether the columns of an entry say what its record says.
use imp_identity::clock::to_micros;
use imp_identity::event::Outcome;
use imp_identity::{Record, UserId, WorkstationId};

use super::VerifyError;
use crate::store::VerificationRow;

/// Checks every column that was derived from the record, or that none is left once it is erased.
pub(super) fn check(row: &VerificationRow, index: u64) -> Result<Option<Record>, VerifyError> {
    let Some(text) = &row.record else { return nothing_left(row, index).map(|()| None) };
    let record: Record = serde_json::from_str(text)
        .map_err(|source| VerifyError::NotUnderstood { index, source })?;
    let event = &record.event;
    let columns = [
        ("event_id", row.event_id == record.id.as_uuid()),
        ("at", row.at == to_micros(record.at)),
        ("kind", row.kind == event.name()),
        ("outcome", row.outcome.as_deref() == event.outcome().map(Outcome::code)),
        ("user_id", row.user_id == event.user().map(UserId::as_uuid)),
        ("actor_id", row.actor_id == record.actor_user().map(UserId::as_uuid)),
        ("workstation_id", row.workstation_id == event.workstation().map(WorkstationId::as_uuid)),
        ("device_id", row.device_id == event.device()),
    ];
    match columns.into_iter().find(|(_, fits)| !fits) {
        Some((column, _)) => Err(VerifyError::Derived { index, column }),
        None => Ok(Some(record)),
    }
}

fn nothing_left(row: &VerificationRow, index: u64) -> Result<(), VerifyError> {
    let columns = [
        ("outcome", row.outcome.is_none()),
        ("user_id", row.user_id.is_none()),
        ("actor_id", row.actor_id.is_none()),
        ("workstation_id", row.workstation_id.is_none()),
        ("device_id", row.device_id.is_none()),
    ];
    match columns.into_iter().find(|(_, empty)| !empty) {
        Some((column, _)) => Err(VerifyError::Residue { index, column }),
        None => Ok(()),
    }
}
