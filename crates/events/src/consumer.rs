//! Who lives on the log: consumers, and how they fail.
use async_trait::async_trait;
use jiff::SignedDuration;

use crate::Entry;

/// Something that is shown every entry, in order, at least once.
///
/// The runner keeps its cursor, shows it one batch at a time, and moves on once `consume` has returned `Ok`. After a
/// crash, a failure or a replay it shows entries again: a consumer recognises them by their index.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Names its cursor: unique and the same after a restart.
    fn name(&self) -> &str;

    /// Whether it wants events of that name; others are passed over.
    fn wants(&self, kind: &str) -> bool;

    /// The most entries that it is shown at once, at least 1: as many as it can take within 30 seconds.
    fn batch(&self) -> usize {
        100
    }

    /// Takes a batch: entries that it wants, in order, never empty. All or nothing: after an error it is shown the same
    /// entries again, save one that was poison.
    async fn consume(&self, batch: &[Entry]) -> Result<(), ConsumeError>;
}

/// A batch could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsumeError {
    /// Not now: the same batch is shown again later.
    #[error("cannot take events now: {why}")]
    Retry {
        /// How long to wait at least; without it, the runner's own growing wait.
        after: Option<SignedDuration>,
        /// What an operator should know.
        why: String,
    },
    /// Never: this entry is set aside with an alarm, and the batch is shown again without it.
    #[error("cannot take the event at index {index}: {why}")]
    Poison {
        /// The entry's index, one of the batch.
        index: u64,
        /// What an operator should know.
        why: String,
    },
}

impl ConsumeError {
    /// Not now, for this reason.
    #[expect(clippy::needless_pass_by_value, reason = "an error that `map_err` hands over")]
    pub fn retry(why: impl ToString) -> Self {
        Self::Retry { after: None, why: why.to_string() }
    }

    /// Never that entry, for this reason.
    #[expect(clippy::needless_pass_by_value, reason = "an error that `map_err` hands over")]
    pub fn poison(index: u64, why: impl ToString) -> Self {
        Self::Poison { index, why: why.to_string() }
    }
}
