//! Consumers of the log: none fails for long, and nothing lies aside that nobody looked at.
use imp_storage::{Storage, StorageError};

use super::{Finding, chain};
use crate::command::{self, ConsumerState};
use crate::config::Config;
use crate::store::MIGRATIONS;

/// Failures in a row that are more than a receiver's short absence: some 30 seconds.
const MANY: u32 = 5;

/// What holds consumers up.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let states = match list(config).await {
        Ok(states) => states,
        Err(error) => {
            let what = format!("the log's consumers cannot be read: {}", chain(&error));
            return vec![Finding::wrong(what, "see what is wrong with the database first")];
        }
    };
    let wrong: Vec<_> = states.iter().filter_map(finding).collect();
    if wrong.is_empty() {
        let text = format!("{} consumers of the log, none of which is held up", states.len());
        return vec![Finding::well(text)];
    }
    wrong
}

async fn list(config: &Config) -> Result<Vec<ConsumerState>, StorageError> {
    let url = config.storage_url();
    let storage = Storage::open(&url, &MIGRATIONS, &config.storage_options()).await?;
    let states = command::list_consumers(&storage).await;
    storage.close().await;
    states
}

fn finding(state: &ConsumerState) -> Option<Finding> {
    let ConsumerState { cursor, behind, set_aside } = state;
    let name = &cursor.consumer;
    let said = cursor.last_error.as_deref().unwrap_or("nothing");
    if cursor.failures >= MANY {
        let failures = cursor.failures;
        let what =
            format!("the consumer {name} failed {failures} times and is {behind} behind: {said}");
        let mend = format!("mend that, then run `imp-server consumer resume {name}`");
        return Some(Finding::wrong(what, mend));
    }
    if *set_aside > 0 {
        let what = format!("the consumer {name} has set {set_aside} entries aside");
        let mend = format!(
            "see `imp-server consumer set-aside {name}`; when mended, `imp-server consumer retry-set-aside {name}`"
        );
        return Some(Finding::wrong(what, mend));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Cursor;

    fn state(failures: u32, set_aside: u64) -> ConsumerState {
        let cursor = Cursor {
            consumer: "stream".to_owned(),
            next: 5,
            failures,
            aside_in_row: 0,
            retry_at: None,
            last_error: Some("refused".to_owned()),
            paused_at: None,
            lease: None,
        };
        ConsumerState { cursor, behind: 7, set_aside }
    }

    #[test]
    fn a_consumer_that_fails_or_set_something_aside_is_found() {
        assert!(finding(&state(4, 0)).is_none());
        let Some(Finding::Wrong { what, .. }) = finding(&state(5, 1)) else { panic!("well") };
        assert_eq!(what, "the consumer stream failed 5 times and is 7 behind: refused");
        let Some(Finding::Wrong { what, .. }) = finding(&state(0, 1)) else { panic!("well") };
        assert_eq!(what, "the consumer stream has set 1 entries aside");
    }
}
