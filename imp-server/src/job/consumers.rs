//! Runs consumers: each has a durable cursor, is shown the log in order and at least once, and may fail without stopping
//! anybody else. See `docs/consumers.md`.
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use imp_events::Consumer;
use imp_identity::EventId;
use imp_service::Shutdown;
use imp_storage::StorageError;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::app::{self, App};
use crate::command;
use crate::store::{Cursor, Tables as _};

mod backoff;
mod registry;
mod step;

pub(crate) use registry::Source;

/// How often it looks without having been woken: for what other processes appended, and for waits that are over. Receivers
/// hear of the end of a session within a second, whichever server ended it.
const POLL: Duration = Duration::from_millis(500);

/// After a commit it waits so long for more, so that a busy minute costs a few large batches instead of many small ones.
const GATHER: Duration = Duration::from_millis(100);

/// Runs consumers. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Runner {
    app: App,
    /// This process, in leases.
    holder: Uuid,
    sources: Arc<[Box<dyn Source>]>,
    /// One connection of the pool at a time, however many consumers are behind: the others are for logins.
    reader: Arc<Semaphore>,
    /// What each consumer was found not to want, beyond its cursor: not worth a write.
    passed: Arc<Mutex<HashMap<String, Passed>>>,
}

/// A consumer wants nothing from `from` on and before `until`.
#[derive(Clone, Copy, Debug)]
struct Passed {
    from: u64,
    until: u64,
}

/// Runs the consumers of this server until `shutdown`.
pub(crate) fn start(app: &App, shutdown: &Shutdown) {
    let runner = Runner::new(app.clone(), registry::sources(app));
    shutdown.spawn(runner.run(shutdown.clone()));
}

impl Runner {
    /// Runs what `sources` name.
    fn new(app: App, sources: Vec<Box<dyn Source>>) -> Self {
        let holder = EventId::generate(app.now(), &mut app::rng()).as_uuid();
        let reader = Arc::new(Semaphore::new(1));
        Self { app, holder, sources: sources.into(), reader, passed: Arc::default() }
    }

    async fn run(self, shutdown: Shutdown) {
        let mut commits = self.app.storage.commits();
        let mut known = Known::default();
        let mut running = Running::default();
        while !shutdown.is_requested() {
            match self.due(&mut known).await {
                Ok(due) => running.start(due, &self, &shutdown),
                Err(error) => super::warn(&error, "cannot see which consumers are behind"),
            }
            tokio::select! {
                () = shutdown.requested() => break,
                Some(()) = running.ended() => {}
                woken = commits.next() => match woken {
                    Ok(()) => sleep(GATHER).await,
                    Err(_) => break,
                },
                () = sleep(POLL) => {}
            }
        }
        while running.ended().await.is_some() {}
        let mut rng = app::rng();
        let context = self.app.context(&mut rng);
        if let Err(error) = command::give_back_consumers(&context, self.holder).await {
            super::warn(&error, "cannot hand the consumers over to another server");
        }
    }

    /// The consumers that can be shown something now.
    async fn due(&self, known: &mut Known) -> Result<Vec<Arc<dyn Consumer>>, StorageError> {
        known.refresh(self).await?;
        let origin = self.app.keys.log_key().verifier_key().name();
        let mut reading = self.app.storage.read().await?;
        let size = reading.log().head(origin).await?.map_or(0, |head| head.size);
        let cursors = reading.consumers().all().await?;
        let again = reading.consumers().to_show_again().await?;
        drop(reading);
        let mut cursors: HashMap<_, _> =
            cursors.into_iter().map(|cursor| (cursor.consumer.clone(), cursor)).collect();
        let due = known.consumers.iter().filter(|consumer| {
            let name = consumer.name();
            // Deleted a moment ago.
            let Some(cursor) = cursors.remove(name) else { return false };
            let waits = again.iter().any(|(consumer, _)| consumer == name);
            self.may_run(&cursor) && (waits || self.start_of(&cursor) < size)
        });
        Ok(due.cloned().collect())
    }

    /// Whether nobody has it paused, no wait runs, and no other server has it.
    fn may_run(&self, cursor: &Cursor) -> bool {
        let now = self.app.now();
        let others =
            cursor.lease.is_some_and(|lease| lease.holder != self.holder && now < lease.until);
        let waits = cursor.retry_at.is_some_and(|at| now < at);
        cursor.paused_at.is_none() && !others && !waits
    }

    /// The first index that the consumer may want.
    fn start_of(&self, cursor: &Cursor) -> u64 {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        match passed.get(&cursor.consumer) {
            Some(passed) if passed.from == cursor.next => passed.until,
            Some(_) | None => cursor.next,
        }
    }

    /// Remembers that there is nothing for it before `until`.
    fn pass(&self, cursor: &Cursor, until: u64) {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.insert(cursor.consumer.clone(), Passed { from: cursor.next, until });
    }
}

/// The consumers that are to run, as their sources said a moment ago.
#[derive(Default)]
struct Known {
    consumers: Vec<Arc<dyn Consumer>>,
    asked: Option<Instant>,
}

impl Known {
    async fn refresh(&mut self, runner: &Runner) -> Result<(), StorageError> {
        if self.asked.is_some_and(|asked| asked.elapsed() < POLL) {
            return Ok(());
        }
        let mut consumers = Vec::new();
        for source in &*runner.sources {
            let named = source.consumers(&runner.app).await?;
            if source.begins_with_the_log() {
                begin(&runner.app, &named).await?;
            }
            consumers.extend(named);
        }
        let mut names = HashSet::new();
        consumers.retain(|consumer: &Arc<dyn Consumer>| {
            let new = names.insert(consumer.name().to_owned());
            if !new {
                tracing::error!(consumer = consumer.name(), "two consumers have one name");
            }
            new
        });
        *self = Self { consumers, asked: Some(Instant::now()) };
        Ok(())
    }
}

/// Gives those a cursor that have none.
async fn begin(app: &App, consumers: &[Arc<dyn Consumer>]) -> Result<(), StorageError> {
    let known = app.storage.read().await?.consumers().all().await?;
    let is_new = |consumer: &&Arc<dyn Consumer>| {
        !known.iter().any(|cursor| cursor.consumer == consumer.name())
    };
    let new: Vec<_> = consumers.iter().filter(is_new).collect();
    if new.is_empty() {
        return Ok(());
    }
    let mut transaction = app.storage.begin().await?;
    for consumer in new {
        transaction.consumers().begin_at(consumer.name(), 0).await?;
    }
    transaction.commit().await
}

/// The consumers that are being shown something: each at most once.
#[derive(Default)]
struct Running {
    tasks: FuturesUnordered<JoinHandle<String>>,
    names: HashSet<String>,
}

impl Running {
    fn start(&mut self, due: Vec<Arc<dyn Consumer>>, runner: &Runner, shutdown: &Shutdown) {
        for consumer in due {
            if !self.names.insert(consumer.name().to_owned()) {
                continue;
            }
            let (runner, stop) = (runner.clone(), shutdown.clone());
            self.tasks.push(shutdown.spawn(async move {
                let name = consumer.name().to_owned();
                if let Err(error) = runner.catch_up(consumer.as_ref(), &stop).await {
                    super::warn(&error, "a consumer's cursor cannot be read or written");
                    tokio::select! { () = stop.requested() => {}, () = sleep(POLL) => {} }
                }
                name
            }));
        }
    }

    /// Waits until one is through; `None` if none runs.
    async fn ended(&mut self) -> Option<()> {
        match self.tasks.next().await? {
            Ok(name) => {
                self.names.remove(&name);
            }
            // Consumers' panics are caught; this is the runtime going away.
            Err(error) => tracing::error!(%error, "a consumer's task was lost"),
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
