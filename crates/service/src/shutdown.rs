//! Shutdown: every task is known, told to stop, and waited for.
use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Starts tasks, tells them when to stop, and waits until they have. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    tasks: TaskTracker,
    token: CancellationToken,
}

/// Some tasks did not stop in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} tasks did not stop in time")]
pub struct Unfinished(pub usize);

impl Shutdown {
    /// Nothing runs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task that [`Self::finished`] waits for. The one way to start a task.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.tasks.spawn(task)
    }

    /// Cancelled when the program is to stop.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Completes when the program is to stop.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// Whether the program is to stop.
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Tells every task to stop. Does not wait.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Waits for every task, at most for `patience`, after [`Self::begin`].
    pub async fn finished(&self, patience: Duration) -> Result<(), Unfinished> {
        self.tasks.close();
        let waited = tokio::time::timeout(patience, self.tasks.wait()).await;
        waited.map_err(|_| Unfinished(self.tasks.len()))
    }

    /// Begins the shutdown at SIGTERM or SIGINT.
    pub fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let token = self.token.clone();
        self.spawn(async move {
            tokio::select! {
                _ = terminate.recv() => tracing::info!("stopping: SIGTERM"),
                _ = interrupt.recv() => tracing::info!("stopping: SIGINT"),
                () = token.cancelled() => {}
            }
            token.cancel();
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_stop_when_told_and_are_waited_for() {
        let shutdown = Shutdown::new();
        let told = shutdown.clone();
        let task = shutdown.spawn(async move {
            told.requested().await;
            7
        });
        assert!(!task.is_finished() && !shutdown.is_requested());
        shutdown.begin();
        shutdown.finished(Duration::from_secs(5)).await.unwrap();
        assert_eq!(task.await.unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_stop_is_reported() {
        let shutdown = Shutdown::new();
        shutdown.spawn(std::future::pending::<()>());
        shutdown.begin();
        assert_eq!(shutdown.finished(Duration::from_secs(5)).await, Err(Unfinished(1)));
    }
}
