//! The threads on which the protocol runs, and callbacks come.
use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that drive the protocol; callbacks have others.
const WORKERS: usize = 2;

/// Threads that end with this value; a callback that waits for the app does not keep it from ending.
pub(crate) struct Threads {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Threads {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits for `work`, on the caller's thread.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.handle.block_on(work)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
