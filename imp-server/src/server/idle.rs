//! Whether anything happens on a connection.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Clone, Copy, Debug)]
struct State {
    under_way: u32,
    last: Instant,
}

/// A request that is under way until this is dropped.
pub(super) struct UnderWay(Arc<Activity>);

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(State { under_way: 0, last: Instant::now() }))
    }
}

impl Activity {
    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.change(|state| state.under_way += 1);
        UnderWay(self.clone())
    }

    /// Completes when no request has been under way for `limit`.
    pub(super) async fn silent_for(&self, limit: Duration) {
        loop {
            let State { under_way, last } = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let end = if under_way == 0 { last + limit } else { Instant::now() + limit };
            if end <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(end).await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        state.last = Instant::now();
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.change(|state| state.under_way -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_request() {
        let activity = Arc::new(Activity::default());
        let limit = Duration::from_mins(1);
        let begin = Instant::now();
        let watched = activity.clone();
        let request = async {
            tokio::time::sleep(Duration::from_secs(50)).await;
            let under_way = activity.begin();
            tokio::time::sleep(Duration::from_secs(100)).await;
            drop(under_way);
        };
        tokio::join!(request, watched.silent_for(limit));
        assert_eq!(begin.elapsed().as_secs(), 210);
    }
}
