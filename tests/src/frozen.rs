//! Time that stands still until a test lets it pass: how long something takes *by construction* – clocks, pauses, polls – is
//! counted apart from how long a busy machine needs for it.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "this is what tests are made of: what goes wrong in it is a failed test"
)]
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use tokio::time::Instant;

use crate::process::{PATIENCE, POLL};

/// Time passes in steps of this …
const STEP: Duration = Duration::from_millis(50);
/// … when nothing has come of the last one for so many moments of the world outside.
const CALM: u32 = 8;

/// The time of the runtime, which must have one thread. It does not even pass while everybody waits for the network.
pub struct Frozen {
    /// While a blocking task runs, the clock of the runtime does not go on by itself.
    _held: Sender<()>,
}

impl Frozen {
    /// Time stands still from now on, until this is dropped.
    #[must_use]
    pub fn from_now_on() -> Self {
        tokio::time::pause();
        let (held, released) = channel::<()>();
        drop(tokio::task::spawn_blocking(move || {
            let _released = released.recv();
        }));
        Self { _held: held }
    }

    /// Lets time pass: a millisecond more, as timers go by whole ones and round up.
    pub async fn passes(&self, by: Duration) {
        tokio::time::advance(by + Duration::from_millis(1)).await;
        moment().await;
    }

    /// Lets no more than `limit` pass until `done`; answers how much it took. However long the machine needs is waited for.
    pub async fn needs(&self, limit: Duration, mut done: impl AsyncFnMut() -> bool) -> Duration {
        let began = Instant::now();
        let mut calm = 0;
        for _ in 0..PATIENCE.as_millis() / POLL.as_millis() {
            if done().await {
                return began.elapsed();
            }
            moment().await;
            calm += 1;
            if calm >= CALM && began.elapsed() + STEP <= limit {
                tokio::time::advance(STEP).await;
                calm = 0;
            }
        }
        panic!("it takes longer than {limit:?}");
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}

/// A moment of the world outside, in which others get on.
pub async fn moment() {
    let waited = tokio::task::spawn_blocking(|| std::thread::sleep(POLL));
    waited.await.expect("sleeping does not panic");
}
