//! The one place where time comes from.
use jiff::Timestamp;

/// Reads the time. Handlers, jobs and the agent's loop hold one; everything else takes `now`.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the Clock that everything else takes its time from"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Microseconds since the Unix epoch: how an instant is stored and sent.
pub fn to_micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Reads [`to_micros`]; `None` outside the years −9999 to 9999.
pub fn from_micros(micros: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros).ok()
}
