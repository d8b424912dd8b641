//! The rules of the review, as a consumer of the log.
use async_trait::async_trait;
use imp_events::{ConsumeError, Consumer, Entry};
use jiff::tz::TimeZone;

use crate::app::{self, App};
use crate::command;

/// The kinds of events that some rule judges or remembers.
const KINDS: &[&str] = &[
    "tap-accepted",
    "tap-refused",
    "user-disabled",
    "user-enabled",
    "offline-tap-reconciled",
    "break-glass-used",
    "connection-unexpected",
];

/// Entries that are judged in one transaction.
const BATCH: usize = 500;

/// Shows each entry to the rules.
pub(crate) struct Rules(App);

impl Rules {
    /// With what they judge and remember.
    pub(crate) const fn new(app: App) -> Self {
        Self(app)
    }
}

#[async_trait]
impl Consumer for Rules {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait says so")]
    fn name(&self) -> &str {
        "rules"
    }

    fn wants(&self, kind: &str) -> bool {
        KINDS.contains(&kind)
    }

    fn batch(&self) -> usize {
        BATCH
    }

    async fn consume(&self, batch: &[Entry]) -> Result<(), ConsumeError> {
        let app = &self.0;
        let policy = command::current_policy(&app.storage).await.map_err(ConsumeError::retry)?;
        let zone = TimeZone::get(&policy.time_zone).unwrap_or(TimeZone::UTC);
        let mut rng = app::rng();
        let context = &mut app.context(&mut rng);
        let judged = command::judge_entries(context, batch, &app.config.review, &zone).await;
        match judged.map_err(ConsumeError::retry)? {
            0 => {}
            findings => tracing::info!(findings, "entries deserve a look"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_one_of_the_catalogue() {
        for kind in KINDS {
            assert!(imp_events::catalogue::find(kind).is_some(), "{kind}");
        }
    }
}
