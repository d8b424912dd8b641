//! How long each step took.
use std::time::Instant;

use serde::Serialize;

/// One step of the pipeline.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Step {
    /// Which.
    pub name: &'static str,
    /// How long it took, in microseconds; the sum over frames where threads share a step.
    pub micros: u64,
}

/// Runs `work` and says how long it took, in microseconds.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let start = Instant::now();
    let result = work();
    (result, u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX))
}
