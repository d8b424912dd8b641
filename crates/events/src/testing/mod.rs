//! Samples for tests: every type of event, as it can be.
use imp_identity::{Actor, Event, EventId, Record};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::Entry;

mod samples;

pub use samples::{MACHINE_TIME, events};

/// An entry of every type, some with and without what may be missing, in one order, a minute apart.
pub fn samples() -> Vec<Entry> {
    (0..).zip(events()).map(|(index, event)| entry(index, event)).collect()
}

/// An entry with that event: index and time tell each other, and actors take turns.
pub fn entry(index: u64, event: Event) -> Entry {
    let minutes = i64::try_from(index).unwrap_or(i64::MAX);
    let at = MACHINE_TIME.saturating_add(SignedDuration::from_mins(minutes));
    entry_at(index, at.unwrap_or(Timestamp::MAX), event)
}

/// An entry with that event and time.
pub fn entry_at(index: u64, at: Timestamp, event: Event) -> Entry {
    let id = EventId::from(Uuid::from_u128(
        0x0198_0000_0000_7000_8000_0000_0000_0000 + u128::from(index),
    ));
    let actor = match index % 5 {
        0 => Actor::Server,
        1 => Actor::Operator("root".to_owned()),
        2 => Actor::User(samples::id(0xa1)),
        3 => Actor::Workstation(samples::id(0xb1)),
        _ => Actor::Phone(samples::id(0xc1)),
    };
    Entry { index, record: Record { id, at, actor, event } }
}
