//! Who waits for a turn, in the order of asking.
use tokio::sync::mpsc::Receiver;

use super::Request;
use crate::error::StorageError;

/// Those who wait. Who has given up does not count.
pub(super) struct Line {
    requests: Receiver<Request>,
    first: Option<Request>,
}

impl Line {
    pub(super) const fn new(requests: Receiver<Request>) -> Self {
        Self { requests, first: None }
    }

    /// Waits until somebody waits; `false` when nobody ever will.
    pub(super) async fn somebody_comes(&mut self) -> bool {
        while !self.somebody_waits() {
            self.first = self.requests.recv().await;
            if self.first.is_none() {
                return false;
            }
        }
        true
    }

    pub(super) fn somebody_waits(&mut self) -> bool {
        while self.first.as_ref().is_none_or(Request::is_closed) {
            self.first = self.requests.try_recv().ok();
            if self.first.is_none() {
                return false;
            }
        }
        true
    }

    /// The first in line.
    pub(super) fn next(&mut self) -> Option<Request> {
        self.somebody_waits();
        self.first.take()
    }

    /// Tells the first in line that there is no turn.
    pub(super) fn refuse(&mut self, error: StorageError) {
        if let Some(request) = self.next() {
            // It may give up at this moment.
            let _gone = request.send(Err(error));
        }
    }
}
