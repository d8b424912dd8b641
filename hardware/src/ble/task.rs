//! Tasks of this package: each belongs to a value and ends with it.
use std::future::Future;

use tokio::task::JoinHandle;

/// A task that is stopped when its owner is dropped.
pub(super) struct Task(pub(super) JoinHandle<()>);

impl Task {
    /// Starts `work`.
    pub(super) fn start(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(start(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts `work`, which ends by itself when its channels close.
#[expect(
    clippy::disallowed_methods,
    reason = "a link's tasks end with the link, not with the process"
)]
pub(super) fn start(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(work)
}
