//! Time that passes when a journey says so.
use std::sync::atomic::{AtomicI64, Ordering};

use imp_identity::Clock;
use imp_identity::clock::{from_micros, to_micros};
use jiff::{SignedDuration, Timestamp};

/// A clock that stands still until it is told to go on.
#[derive(Debug)]
pub struct VirtualClock(AtomicI64);

impl VirtualClock {
    /// Stands at `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(AtomicI64::new(to_micros(at)))
    }

    /// Lets `by` pass.
    pub fn advance(&self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        from_micros(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
