//! One consumer, from where it was to the end of the log: look, show, write down, again. The database's writer is never
//! held while a consumer works, and neither is a reader.
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use imp_events::{ConsumeError, Consumer, Entry};
use imp_identity::Event;
use imp_service::Shutdown;
use imp_storage::StorageError;
use jiff::{SignedDuration, Timestamp};

use super::{Runner, backoff};
use crate::app;
use crate::command::{self, Shown};
use crate::store::{Cursor, SetAside, StoredEntry, Tables as _};

/// The most entries that any consumer is shown at once.
const BATCH: usize = 100;
/// Entries that are read at once.
const PAGE: u32 = 500;
/// Pages that are read before it is written down that nothing in them was wanted.
const PAGES: u32 = 10;
/// How long a consumer may take for a batch.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a server may keep a consumer without a sign of life. More than twice [`PATIENCE`]: it is renewed at half time.
const LEASE: SignedDuration = SignedDuration::from_secs(120);
/// A consumer that sets so many entries aside in a row is itself broken: it waits, like one that fails.
const MOST_ASIDE: u32 = 20;

/// What there is to show.
enum Next {
    /// Nothing more.
    Nothing,
    /// Nothing that it wants, before this index.
    Passed { until: u64 },
    /// These, and with them everything before `until`.
    Batch { entries: Vec<Entry>, until: u64 },
    /// One that it had set aside; `None` if its record was erased meanwhile.
    Again { index: u64, entry: Option<Entry> },
    /// A record that this server cannot read: damaged, or written by a later version.
    Unreadable { index: u64 },
}

impl Runner {
    /// Shows the consumer what it has not taken, until there is no more, it fails, or another server has it.
    pub(super) async fn catch_up(
        &self,
        consumer: &dyn Consumer,
        stop: &Shutdown,
    ) -> Result<(), StorageError> {
        while !stop.is_requested() && self.step(consumer).await? {}
        Ok(())
    }

    /// One batch; answers whether there may be more.
    pub(super) async fn step(&self, consumer: &dyn Consumer) -> Result<bool, StorageError> {
        let name = consumer.name();
        let turn = self.reader.acquire().await;
        let found = self.app.storage.read().await?.consumers().find(name).await?;
        let Some(cursor) = found.filter(|cursor| self.may_run(cursor)) else { return Ok(false) };
        let next = self.look(consumer, &cursor).await?;
        drop(turn);
        if let Next::Nothing = next {
            return Ok(false);
        }
        if let Next::Passed { until } = next {
            self.pass(&cursor, until);
            if until - cursor.next < u64::from(PAGE) {
                return Ok(true);
            }
        }
        let Some(cursor) = self.hold(cursor).await? else { return Ok(false) };
        let shown = match next {
            Next::Nothing => return Ok(false),
            Next::Passed { until } => Shown::Taken { next: until },
            Next::Again { index, entry: None } => Shown::TakenAgain { index },
            Next::Again { index, entry: Some(entry) } => {
                let taken = Shown::TakenAgain { index };
                self.show(consumer, &cursor, &[entry], taken).await
            }
            Next::Batch { entries, until } => {
                self.show(consumer, &cursor, &entries, Shown::Taken { next: until }).await
            }
            Next::Unreadable { index } => {
                self.aside(&cursor, index, "its record cannot be read".to_owned(), true)
            }
        };
        let mut rng = app::rng();
        let mut context = self.app.context(&mut rng);
        let settled = command::settle_consumer(&mut context, &cursor, self.holder, shown).await?;
        // Whoever steered it meanwhile wants it to go on from there.
        Ok(settled.is_none_or(|cursor| self.may_run(&cursor)))
    }

    /// Takes or keeps the lease. `None` if somebody else took it, or the cursor has moved.
    async fn hold(&self, cursor: Cursor) -> Result<Option<Cursor>, StorageError> {
        let fresh = cursor.lease.is_some_and(|lease| {
            lease.holder == self.holder && lease.until.duration_since(self.app.now()) > LEASE / 2
        });
        if fresh {
            return Ok(Some(cursor));
        }
        let mut rng = app::rng();
        let context = self.app.context(&mut rng);
        let lent = command::lend_consumer(&context, &cursor.consumer, self.holder, LEASE).await?;
        Ok(lent.filter(|lent| lent.next == cursor.next))
    }

    /// Reads on until there is a batch, the end, or enough for once.
    async fn look(&self, consumer: &dyn Consumer, cursor: &Cursor) -> Result<Next, StorageError> {
        let mut reading = self.app.storage.read().await?;
        let again = reading.consumers().to_show_again().await?;
        if let Some((_, index)) = again.into_iter().find(|(name, _)| name == consumer.name()) {
            let stored = reading.entries().find(index).await?;
            return Ok(match stored.as_ref().map(StoredEntry::entry) {
                Some(Err(_)) => Next::Unreadable { index },
                Some(Ok(entry)) => Next::Again { index, entry },
                None => Next::Again { index, entry: None },
            });
        }
        let start = self.start_of(cursor);
        let aside = reading.consumers().aside(consumer.name(), start, PAGE).await?;
        let most = consumer.batch().clamp(1, BATCH);
        let mut until = start;
        let mut entries = Vec::new();
        for _ in 0..PAGES {
            let page = reading.entries().page(until, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            for stored in &page {
                if consumer.wants(&stored.kind) && !is_aside(&aside, stored.index) {
                    match stored.entry() {
                        Ok(entry) => entries.extend(entry),
                        Err(_) if entries.is_empty() => {
                            return Ok(Next::Unreadable { index: stored.index });
                        }
                        Err(_) => return Ok(Next::Batch { entries, until }),
                    }
                }
                until = stored.index + 1;
                if entries.len() >= most {
                    return Ok(Next::Batch { entries, until });
                }
            }
            if is_last || !entries.is_empty() {
                break;
            }
        }
        Ok(match (entries.is_empty(), until > start) {
            (true, false) => Next::Nothing,
            (true, true) => Next::Passed { until },
            (false, _) => Next::Batch { entries, until },
        })
    }

    /// Shows a batch, and says what came of it.
    pub(super) async fn show(
        &self,
        consumer: &dyn Consumer,
        cursor: &Cursor,
        batch: &[Entry],
        taken: Shown,
    ) -> Shown {
        let consuming = AssertUnwindSafe(consumer.consume(batch)).catch_unwind();
        let failed = match tokio::time::timeout(PATIENCE, consuming).await {
            Ok(Ok(Ok(()))) => return taken,
            Ok(Ok(Err(error))) => error,
            Ok(Err(_)) => ConsumeError::retry("it panicked"),
            Err(_) => ConsumeError::retry("it took longer than 30 seconds"),
        };
        tracing::warn!(consumer = consumer.name(), error = %failed, "a consumer failed");
        match failed {
            ConsumeError::Retry { after, why } => self.later(cursor, after, why),
            ConsumeError::Poison { index, why } => {
                let Some(entry) = batch.iter().find(|entry| entry.index == index) else {
                    let why = format!("it refused index {index}, which it was not shown: {why}");
                    return self.later(cursor, None, why);
                };
                // Otherwise a consumer that chokes on alarms would raise one for each.
                let alarm = !matches!(entry.record.event, Event::EventSetAside { .. });
                self.aside(cursor, index, why, alarm)
            }
        }
    }

    fn aside(&self, cursor: &Cursor, index: u64, why: String, alarm: bool) -> Shown {
        if cursor.aside_in_row < MOST_ASIDE {
            return Shown::Poison { index, why, alarm };
        }
        let why = format!("it sets everything aside, at last index {index}: {why}");
        self.later(cursor, None, why)
    }

    fn later(&self, cursor: &Cursor, asked: Option<SignedDuration>, why: String) -> Shown {
        let wait = backoff::wait(cursor.failures, asked, &mut app::rng());
        let retry_at = self.app.now().checked_add(wait).unwrap_or(Timestamp::MAX);
        Shown::Failed { retry_at, why }
    }
}

fn is_aside(aside: &[SetAside], index: u64) -> bool {
    aside.binary_search_by_key(&index, |aside| aside.index).is_ok()
}
