//! Judging entries by the rules of `imp-review`, in order and each once.
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use imp_events::Entry;
use imp_identity::event::Event;
use imp_identity::{Actor, UserId, WorkstationId};
use imp_review::{Facts, Finding, Memory, Standing, Thresholds, consider};
use imp_storage::{StorageError, Transaction};
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::Context;
use crate::store::Tables as _;

/// The setting that holds the index of the next entry to judge.
const NEXT: &str = "rules.next";

/// The entries were not judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgeEntriesError {
    /// Somebody else judged them meanwhile, so that what was remembered is stale.
    #[error("another process judges entries at this moment")]
    Overtaken,
    /// See the source.
    #[error("could not store what the rules found")]
    Storage(#[from] StorageError),
}

/// What the rules need to know of a batch, read before anything is judged.
#[derive(Default)]
struct Known {
    memories: HashMap<Uuid, Memory>,
    units: HashMap<UserId, Option<String>>,
    standings: HashMap<WorkstationId, Standing>,
}

/// Judges a batch of entries, remembers what they say, and appends a finding for each that deserves a look; answers how
/// many did. Entries that were judged before are passed over, so a batch may be shown again. The writer is held only
/// while what came of it is stored.
pub async fn judge_entries(
    context: &mut Context<'_>,
    batch: &[Entry],
    lines: &Thresholds,
    zone: &TimeZone,
) -> Result<usize, JudgeEntriesError> {
    let mut reading = context.storage.read().await?;
    let next = next(&mut reading).await?;
    let fresh: Vec<&Entry> = batch.iter().filter(|entry| entry.index >= next).collect();
    let Some(last) = fresh.last().map(|entry| entry.index) else { return Ok(0) };
    let mut known = Known::default();
    for entry in &fresh {
        known.learn(&mut reading, entry).await?;
    }
    drop(reading);
    let mut findings = Vec::new();
    for entry in fresh {
        findings.extend(known.judge(entry, lines, zone));
    }
    let made = findings.len();
    let mut transaction = context.storage.begin().await?;
    if self::next(&mut transaction).await? != next {
        return Err(JudgeEntriesError::Overtaken);
    }
    for (subject, memory) in &known.memories {
        transaction.memories().put(*subject, memory).await?;
    }
    for finding in findings {
        context.append(&mut transaction, &Actor::Server, finding.into_event()).await?;
    }
    transaction.settings().put(NEXT, &(last + 1).to_string()).await?;
    transaction.commit().await?;
    Ok(made)
}

async fn next(transaction: &mut Transaction) -> Result<u64, StorageError> {
    let value = transaction.settings().find(NEXT).await?;
    value.map_or(Ok(0), |text| {
        text.parse().map_err(|_| StorageError::Corrupt { what: "settings.rules.next" })
    })
}

/// Whom an entry concerns, as keys of what is remembered.
struct Subjects {
    user: Option<UserId>,
    workstation: Option<WorkstationId>,
    device: Option<Uuid>,
}

impl Subjects {
    fn of(event: &Event) -> Self {
        Self { user: event.user(), workstation: event.workstation(), device: event.device() }
    }

    fn keys(&self) -> [Option<Uuid>; 3] {
        [self.user.map(UserId::as_uuid), self.workstation.map(WorkstationId::as_uuid), self.device]
    }
}

impl Known {
    async fn learn(
        &mut self,
        transaction: &mut Transaction,
        entry: &Entry,
    ) -> Result<(), StorageError> {
        let subjects = Subjects::of(&entry.record.event);
        for key in subjects.keys().into_iter().flatten() {
            if let Slot::Vacant(slot) = self.memories.entry(key) {
                slot.insert(transaction.memories().find(key).await?);
            }
        }
        if let Some(Slot::Vacant(slot)) = subjects.user.map(|id| self.units.entry(id)) {
            let user = transaction.users().find(*slot.key()).await?;
            slot.insert(user.and_then(|user| user.unit).map(|unit| unit.to_string()));
        }
        if let Some(Slot::Vacant(slot)) = subjects.workstation.map(|id| self.standings.entry(id)) {
            let found = transaction.workstations().find(*slot.key()).await?;
            let standing = found.map(|workstation| Standing {
                name: workstation.name.to_string(),
                unit: workstation.unit.map(|unit| unit.to_string()),
                site: workstation.site.map(|site| site.to_string()),
            });
            slot.insert(standing.unwrap_or_default());
        }
        Ok(())
    }

    fn judge(&mut self, entry: &Entry, lines: &Thresholds, zone: &TimeZone) -> Vec<Finding> {
        let Entry { index, record } = entry;
        let subjects = Subjects::of(&record.event);
        let at = if let Event::OfflineTapReconciled { decided_at, .. } = &record.event {
            *decided_at
        } else {
            record.at
        };
        let unit = subjects.user.and_then(|id| self.units.get(&id)).cloned().flatten();
        let workstation = subjects.workstation.and_then(|id| self.standings.get(&id)).cloned();
        let facts = Facts { local: zone.to_datetime(at), unit, workstation };
        let [user, place, device] = subjects.keys();
        let mut memory = Memory::default();
        let of = |key: Option<Uuid>| key.and_then(|key| self.memories.get(&key)).cloned();
        memory.person = of(user).unwrap_or_default().person;
        memory.place = of(place).unwrap_or_default().place;
        memory.device = of(device).unwrap_or_default().device;
        let findings = consider(*index, record, &facts, &mut memory, lines);
        let Memory { person, place: there, device: phone } = memory;
        if let Some(kept) = user.and_then(|key| self.memories.get_mut(&key)) {
            kept.person = person;
        }
        if let Some(kept) = place.and_then(|key| self.memories.get_mut(&key)) {
            kept.place = there;
        }
        if let Some(kept) = device.and_then(|key| self.memories.get_mut(&key)) {
            kept.device = phone;
        }
        findings
    }
}
