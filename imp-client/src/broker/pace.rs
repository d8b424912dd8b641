//! How often the broker may be asked: a page that asks in a loop must not keep the server, or the person, busy.
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Questions that may come at once.
const BURST: u32 = 20;
/// After which one more may come.
const EVERY: Duration = Duration::from_millis(200);

/// A bucket of tokens that fills again.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the bucket is full again.
    full_at: Mutex<Option<Instant>>,
}

impl Pace {
    /// Whether a question may be answered now.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = full_at.unwrap_or(now).max(now) + EVERY;
        let admitted = next <= now + EVERY * BURST;
        if admitted {
            *full_at = Some(next);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_is_slowed_down_and_a_person_is_not() {
        let pace = Pace::default();
        let start = Instant::now();
        let admitted = (0..100).filter(|_| pace.admits(start)).count();
        assert_eq!(admitted, 20);
        assert!(!pace.admits(start + Duration::from_millis(199)));
        assert!(pace.admits(start + Duration::from_millis(200)));
        assert!(!pace.admits(start + Duration::from_millis(200)));
        let later = start + Duration::from_mins(1);
        assert_eq!((0..100).filter(|_| pace.admits(later)).count(), 20);
    }
}
