//! Which groups have reached the disk.
use tokio::sync::watch;

use crate::error::StorageError;

/// Counts groups. The latest may be open: a later member of it, and its answer, may rest on what is not on disk yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Groups in which a member has said that it wants its changes to last.
    shared: u64,
    /// Those of them that have ended.
    ended: u64,
    /// Those of them that failed.
    failed: u64,
}

impl Progress {
    pub(super) const fn share(&mut self) {
        self.shared += 1;
    }

    pub(super) const fn end(&mut self, stored: bool) {
        self.ended += 1;
        if !stored {
            self.failed += 1;
        }
    }
}

/// A moment, for [`crate::Storage::settled_since`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    failed: u64,
}

/// Tells of commits: see [`crate::Storage::commits`].
#[derive(Clone, Debug)]
pub struct Commits {
    progress: watch::Receiver<Progress>,
    seen: u64,
}

impl Commits {
    /// Waits until a group has ended since the last call, or since this was made.
    pub async fn next(&mut self) -> Result<(), StorageError> {
        let seen = self.seen;
        let reached = self.progress.wait_for(|progress| progress.ended != seen).await;
        self.seen = reached.map_err(|_| StorageError::Closed)?.ended;
        Ok(())
    }
}

/// Looks on.
#[derive(Clone, Debug)]
pub(crate) struct Observer(pub(super) watch::Receiver<Progress>);

impl Observer {
    pub(crate) fn mark(&self) -> Mark {
        Mark { failed: self.0.borrow().failed }
    }

    pub(crate) fn ended(&self) -> u64 {
        self.0.borrow().ended
    }

    pub(crate) fn commits(&self) -> Commits {
        let seen = self.0.borrow().ended;
        Commits { progress: self.0.clone(), seen }
    }

    pub(crate) async fn settled_since(&self, mark: Mark) -> Result<(), StorageError> {
        let mut now = *self.0.borrow();
        if now.ended < now.shared {
            let mut progress = self.0.clone();
            let wanted = now.shared;
            let reached = progress.wait_for(|progress| progress.ended >= wanted).await;
            now = *reached.map_err(|_| StorageError::Closed)?;
        }
        if now.failed > mark.failed { Err(StorageError::Unsettled) } else { Ok(()) }
    }
}
