//! Group commit: writers take turns on one connection, each a savepoint in a transaction that they share, and wait
//! together for the one `COMMIT` that brings all of them to the disk.
//!
//! A task owns the transaction and lends it to one member after the other. A member that goes away at any point – rolled
//! back, dropped in the middle of a statement, panicking – gives it back by its `Drop`, and is undone.
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::carried::Luggage;
use crate::error::StorageError;
use crate::storage::{Options, Pools};
use crate::transaction::Transaction;

mod line;
mod member;
mod progress;
mod seat;

use line::Line;
use member::Group;
pub use progress::{Commits, Mark};
use progress::{Observer, Progress};
pub(crate) use seat::Seat;

/// When a group takes no further member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// It has so many.
    members: usize,
    /// It is so old.
    age: Duration,
}

/// As long as a slow disk needs for a `COMMIT`: waiting longer would save little.
pub(crate) const LIMITS: Limits = Limits { members: 64, age: Duration::from_millis(5) };

/// The most writers that wait in line; more of them wait to join it.
const LINE: usize = 1024;

/// Where a member is told how the group ended.
type Tell = oneshot::Sender<Result<(), StorageError>>;

/// A writer that wants its turn.
type Request = oneshot::Sender<Result<Transaction, StorageError>>;

/// What a member gives back.
#[derive(Debug)]
pub(crate) struct Returned {
    pub(crate) seat: Seat,
    pub(crate) luggage: Luggage,
    /// Who wants to hear that the changes are on disk; `None` to undo them.
    pub(crate) commit: Option<Tell>,
}

/// The way to a turn. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    line: mpsc::Sender<Request>,
    pub(crate) observer: Observer,
    wait: Duration,
}

impl Writer {
    /// Starts the task that owns the transaction; it ends with the last clone.
    pub(crate) fn start(pools: Pools, options: &Options, limits: Limits) -> Self {
        let (line, requests) = mpsc::channel(LINE);
        let (progress, observer) = watch::channel(Progress::default());
        let task = Groups { pools, limits, line: Line::new(requests), progress }.run();
        #[expect(clippy::disallowed_methods, reason = "ends with the last user of the database")]
        tokio::spawn(task);
        Self { line, observer: Observer(observer), wait: options.wait }
    }

    /// Waits for a turn, in the order of asking.
    pub(crate) async fn begin(&self) -> Result<Transaction, StorageError> {
        let turn = async {
            let (request, granted) = oneshot::channel();
            self.line.send(request).await.map_err(|_| StorageError::Closed)?;
            granted.await.map_err(|_| StorageError::Closed)?
        };
        tokio::time::timeout(self.wait, turn).await.map_err(|_| StorageError::Busy)?
    }
}

/// The task.
struct Groups {
    pools: Pools,
    limits: Limits,
    line: Line,
    progress: watch::Sender<Progress>,
}

impl Groups {
    async fn run(mut self) {
        let mut seat = None;
        while self.line.somebody_comes().await {
            seat = self.group(seat).await;
            if (!self.line.somebody_waits() || !self.pools.has_readers())
                && let Some(seat) = seat.take()
            {
                seat.give_back();
            }
        }
    }

    /// One group, from `BEGIN` to `COMMIT`. Answers the connection if it can be used again.
    async fn group(&mut self, seat: Option<Seat>) -> Option<Seat> {
        let taken = match seat {
            Some(seat) => Ok(seat),
            None => Seat::take(&self.pools).await,
        };
        let mut seat = match taken {
            Ok(seat) => seat,
            Err(error) => {
                self.line.refuse(error);
                return None;
            }
        };
        if let Err(error) = seat.say(&seat::OPEN).await {
            self.line.refuse(error);
            return seat.recover().await;
        }
        let mut group = Group::new(seat);
        let ended = self.members(&mut group).await;
        group.end(ended, &self.progress).await
    }

    /// Lends the transaction to one after the other and commits. Fails when nothing of the group can last.
    async fn members(&mut self, group: &mut Group) -> Result<(), StorageError> {
        let opened = Instant::now();
        while let Some(request) = self.line.next() {
            group.lend(request, &self.progress).await?;
            let Limits { members, age } = self.limits;
            let full = group.size() >= members || opened.elapsed() >= age;
            if full || !self.line.somebody_waits() {
                break;
            }
            group.separate().await?;
        }
        group.commit(self.pools.kind()).await
    }
}

#[cfg(test)]
mod tests;
