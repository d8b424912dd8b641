//! The members of one group.
use std::mem::take;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use tokio::sync::{oneshot, watch};

use super::progress::Progress;
use super::seat::{self, Seat};
use super::{Request, Returned, Tell};
use crate::carried::Luggage;
use crate::error::StorageError;
use crate::storage::Kind;
use crate::transaction::Transaction;

/// An open transaction and whose changes are in it.
pub(super) struct Group {
    /// Empty while it is lent.
    seat: Seat,
    luggage: Luggage,
    /// Those who wait for the end.
    members: Vec<Tell>,
    /// Whether the last one is behind the savepoint, where it can still be undone alone.
    undoable: bool,
    /// Whether [`Progress::share`] was called.
    shared: bool,
}

impl Group {
    /// `seat` has an open transaction and a savepoint.
    pub(super) fn new(seat: Seat) -> Self {
        let luggage = Luggage::default();
        Self { seat, luggage, members: vec![], undoable: false, shared: false }
    }

    pub(super) const fn size(&self) -> usize {
        self.members.len()
    }

    /// Lends the transaction to whoever made the request and waits until it comes back.
    pub(super) async fn lend(
        &mut self,
        request: Request,
        progress: &watch::Sender<Progress>,
    ) -> Result<(), StorageError> {
        self.luggage.mark();
        let (home, back) = oneshot::channel();
        let lent = Transaction::lend(take(&mut self.seat), take(&mut self.luggage), home);
        // If nobody takes it, it comes back like one that was dropped.
        drop(request.send(Ok(lent)));
        let Returned { seat, luggage, commit } = back.await.map_err(|_| StorageError::Closed)?;
        self.seat = seat;
        self.luggage = luggage;
        match commit {
            Some(tell) => {
                self.members.push(tell);
                self.undoable = true;
                if !self.shared {
                    self.shared = true;
                    progress.send_modify(Progress::share);
                }
                Ok(())
            }
            None => self.undo().await,
        }
    }

    /// Undoes what happened since the savepoint.
    async fn undo(&mut self) -> Result<(), StorageError> {
        self.undoable = false;
        self.luggage.rewind()?;
        self.seat.say(&seat::BACK).await
    }

    /// Puts a savepoint behind the last member. PostgreSQL refuses when a statement of the member had failed; then that
    /// member alone is undone.
    pub(super) async fn separate(&mut self) -> Result<(), StorageError> {
        if !self.undoable {
            return Ok(());
        }
        self.undoable = false;
        let Err(error) = self.seat.say(&seat::NEXT).await else { return Ok(()) };
        self.undo().await?;
        if let Some(member) = self.members.pop() {
            // It may have stopped listening.
            let _gone = member.send(Err(error));
        }
        Ok(())
    }

    /// Stores what the group carries and brings everything to the disk.
    pub(super) async fn commit(&mut self, kind: Kind) -> Result<(), StorageError> {
        if self.members.len() > 1 && kind == Kind::Postgres {
            self.separate().await?;
        }
        if self.members.is_empty() {
            return self.seat.say(&seat::ROLLBACK).await;
        }
        self.store().await?;
        self.seat.say(&seat::COMMIT).await
    }

    async fn store(&mut self) -> Result<(), StorageError> {
        let mut transaction = Transaction::store(take(&mut self.seat));
        let stored = self.luggage.store(&mut transaction);
        let stored = AssertUnwindSafe(stored).catch_unwind().await;
        self.seat = transaction.into_seat();
        stored.unwrap_or(Err(StorageError::Carried))
    }

    /// Tells the members how it ended. Answers the connection if it can be used again.
    pub(super) async fn end(
        self,
        ended: Result<(), StorageError>,
        progress: &watch::Sender<Progress>,
    ) -> Option<Seat> {
        let stored = ended.is_ok();
        let seat = if stored { Some(self.seat) } else { self.seat.recover().await };
        // Before they are told: who was told finds it settled.
        if self.shared {
            progress.send_modify(|progress| progress.end(stored));
        }
        tell(self.members, ended);
        seat
    }
}

/// One member gets the error itself, several share it.
fn tell(mut members: Vec<Tell>, ended: Result<(), StorageError>) {
    let last = if members.len() == 1 { members.pop() } else { None };
    // Whoever has stopped listening is not told.
    match (ended, last) {
        (ended, Some(only)) => drop(only.send(ended)),
        (Ok(()), None) => members.into_iter().for_each(|member| drop(member.send(Ok(())))),
        (Err(error), None) => {
            let error = Arc::new(error);
            for member in members {
                drop(member.send(Err(StorageError::Group(Arc::clone(&error)))));
            }
        }
    }
}
