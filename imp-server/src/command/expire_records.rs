//! Erasing records that are past their retention.
use imp_events::{EventType, catalogue};
use imp_identity::{Actor, Event};
use imp_storage::{StorageError, Transaction};
use jiff::SignedDuration;

use super::Context;
use crate::log;
use crate::store::Tables as _;

/// How many entries are looked at in one transaction: it lasts some tens of milliseconds, and others wait for it.
const BATCH: u32 = 200;

/// Erases one batch of records of each kind that are past the retention which the catalogue gives it; how many. Each
/// batch is an event. Nothing happens, and nothing is written, while there is none.
pub async fn expire_records(context: &mut Context<'_>) -> Result<u64, StorageError> {
    let mut erased = 0;
    for kind in catalogue() {
        erased += expire_kind(context, kind).await?;
    }
    Ok(erased)
}

async fn expire_kind(context: &mut Context<'_>, kind: &EventType) -> Result<u64, StorageError> {
    // Most of the time there is nothing to do: that needs no turn among the writers.
    let mut looking = context.storage.read().await?;
    if overdue(context, &mut looking, kind).await?.is_none() {
        return Ok(0);
    }
    drop(looking);
    let mut transaction = context.storage.begin().await?;
    let Some((from, until)) = overdue(context, &mut transaction, kind).await? else { return Ok(0) };
    let entries = transaction.entries().of_kind(kind.name, from..until, BATCH).await?;
    let mut erased = 0;
    for entry in &entries {
        erased += u64::from(log::erase(&mut transaction, entry).await?);
    }
    let next = entries.last().map_or(until, |last| last.index + 1);
    transaction.log().put_retained_from(kind.name, next).await?;
    if erased > 0 {
        let of = kind.name.to_owned();
        let event = Event::RecordsExpired { of, from, until: next, erased };
        context.append(&mut transaction, &Actor::Server, event).await?;
    }
    transaction.commit().await?;
    Ok(erased)
}

/// The range of indexes in which entries of a kind are past their retention; `None` when there is none in it.
async fn overdue(
    context: &Context<'_>,
    transaction: &mut Transaction,
    kind: &EventType,
) -> Result<Option<(u64, u64)>, StorageError> {
    let Some(days) = kind.retention.days else { return Ok(None) };
    let age = SignedDuration::from_hours(24 * i64::from(days));
    let Ok(oldest) = context.now.checked_sub(age) else { return Ok(None) };
    let from = transaction.log().retained_from(kind.name).await?;
    // Times in the log never run backwards: everything before this entry is older.
    let until = transaction.entries().first_since(oldest).await?.unwrap_or(u64::MAX);
    let first = transaction.entries().of_kind(kind.name, from..until, 1).await?;
    Ok((!first.is_empty()).then_some((from, until)))
}
