//! What every delivery has: a name, the types it wants, and how an entry is written for the receiver.
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use imp_events::{ConsumeError, Entry};
use imp_identity::{ClientId, Event};

/// Writes an entry in the receiver's form. What it refuses is set aside.
pub type Format =
    Arc<dyn Fn(&Entry) -> Result<String, Box<dyn std::error::Error + Send + Sync>> + Send + Sync>;

/// The types of events that a receiver gets, by their short names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kinds {
    /// Every type.
    #[default]
    All,
    /// These.
    Only(BTreeSet<String>),
}

/// A receiver's share of the log.
#[derive(Clone)]
pub struct Subscription {
    /// The consumer's name.
    pub name: String,
    /// The types it gets.
    pub kinds: Kinds,
    /// The application that it is: what is said to one application does not go to another.
    pub application: Option<ClientId>,
    /// How entries are written.
    pub format: Format,
}

impl Kinds {
    /// Whether the type is among them.
    pub fn contain(&self, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(kinds) => kinds.contains(kind),
        }
    }
}

impl Subscription {
    /// The entry as the receiver wants it; `None` for one that must not go out: that an entry of this very consumer
    /// was set aside would be refused as well, and set aside, and so on.
    pub(crate) fn write(&self, entry: &Entry) -> Result<Option<String>, ConsumeError> {
        if matches!(&entry.record.event, Event::EventSetAside { consumer, .. } if *consumer == self.name)
        {
            return Ok(None);
        }
        if is_for_another(&entry.record.event, self.application) {
            return Ok(None);
        }
        let refused = |error: Box<dyn std::error::Error + Send + Sync>| ConsumeError::Poison {
            index: entry.index,
            why: format!("it cannot be written for the receiver: {error}"),
        };
        (self.format)(entry).map(Some).map_err(refused)
    }
}

/// Whether the event is said to one application, and the receiver is another.
pub fn is_for_another(event: &Event, receiver: Option<ClientId>) -> bool {
    let told = event.said_to();
    told.is_some() && receiver.is_some() && told != receiver
}

/// How far a batch came that failed half-way, so that what the receiver has is not sent twice without need.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<Option<Reached>>);

#[derive(Clone, Copy, Debug)]
struct Reached {
    first: u64,
    done: u64,
}

impl Progress {
    /// What is left of a batch. Another batch than the one that failed begins at its beginning.
    pub(crate) fn rest<'a>(&self, batch: &'a [Entry]) -> &'a [Entry] {
        let reached = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((first, reached)) = batch.first().zip(reached) else { return batch };
        if first.index != reached.first {
            return batch;
        }
        let left = batch.iter().position(|entry| entry.index > reached.done);
        left.map_or(&[], |left| &batch[left..])
    }

    /// All was delivered: shown again, it is to be delivered again.
    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The batch was delivered up to this entry.
    pub(crate) fn reached(&self, batch: &[Entry], done: u64) {
        let first = batch.first().map_or(done, |entry| entry.index);
        let mut reached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *reached = Some(Reached { first, done });
    }
}

/// Delivers a batch entry by entry, in order.
pub(crate) async fn each<F>(
    subscription: &Subscription,
    progress: &Progress,
    batch: &[Entry],
    deliver: impl Fn(&Entry, String) -> F,
) -> Result<(), ConsumeError>
where
    F: Future<Output = Result<(), ConsumeError>>,
{
    let rest = progress.rest(batch);
    if let Some(last) = batch.len().checked_sub(rest.len() + 1) {
        progress.reached(batch, batch[last].index);
    }
    for entry in rest {
        if let Some(text) = subscription.write(entry)? {
            deliver(entry, text).await?;
        }
        // At once, because this may be given up at any await.
        progress.reached(batch, entry.index);
    }
    progress.forget();
    Ok(())
}
