//! Entries and subscriptions to deliver.
use std::sync::Arc;

use imp_delivery::{Kinds, Subscription};
use imp_events::Entry;
use imp_identity::{Actor, Clock, Event, EventId, Record};
use jiff::Timestamp;
use uuid::Uuid;

/// Policies that changed, at these indexes.
pub(crate) fn entries(indexes: std::ops::Range<u64>) -> Vec<Entry> {
    let entry = |index: u64| Entry {
        index,
        record: Record {
            id: id(index),
            at: now(),
            actor: Actor::Server,
            event: Event::PolicyChanged { version: u32::try_from(index).unwrap() },
        },
    };
    indexes.map(entry).collect()
}

/// The identifier of the entry's event.
pub(crate) fn id(index: u64) -> EventId {
    EventId::from(Uuid::from_u128(u128::from(index) + 1))
}

/// Every entry as `entry <index>`.
pub(crate) fn plain() -> Subscription {
    Subscription {
        name: "test".to_owned(),
        kinds: Kinds::All,
        application: None,
        format: Arc::new(|entry| Ok(format!("entry {}", entry.index))),
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-11-22T06:00:00Z".parse().unwrap()
}

/// A clock that stands.
pub(crate) struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        now()
    }
}
