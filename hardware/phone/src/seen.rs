//! The latest tree of the log that this phone has seen: by it the phone notices when the log is rolled back or forked.
use imp_translog::{Checkpoint, OpenError, VerifierKey, open_with_any};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::state::{Entry, State, StateError};

/// Longest file, in bytes: a signed note of at most 128 KiB, with its escapes.
const LARGEST: u64 = 512 * 1024;

/// A tree that the log signed, and when this phone saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) checkpoint: Checkpoint,
    /// As the log signed it.
    pub(crate) note: String,
    pub(crate) at: Timestamp,
}

/// What was remembered of the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeenError {
    /// The file.
    #[error("what this phone remembers of the log cannot be read")]
    State(#[from] StateError),
    /// Not JSON, or not what was written.
    #[error("what this phone remembers of the log is damaged: a rollback could not be noticed")]
    Damaged(#[from] serde_json::Error),
    /// Not signed by the log.
    #[error("what this phone remembers of the log is not signed by the log")]
    Unsigned(#[from] OpenError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    checkpoint: String,
    at: Timestamp,
}

impl Seen {
    /// Reads what was remembered; `None` before anything was.
    pub(crate) fn load(state: &State, keys: &[VerifierKey]) -> Result<Option<Self>, SeenError> {
        let Some(bytes) = state.read(Entry::Seen, LARGEST)? else { return Ok(None) };
        let File { checkpoint: note, at } = serde_json::from_slice(&bytes)?;
        let checkpoint = open_with_any(&note, keys)?;
        Ok(Some(Self { checkpoint, note, at }))
    }

    /// Remembers this tree. The caller holds the state's lock.
    pub(crate) fn save(&self, state: &State) -> Result<(), StateError> {
        let file = File { checkpoint: self.note.clone(), at: self.at };
        let bytes = serde_json::to_vec_pretty(&file);
        let bytes = bytes.map_err(|error| state.error(Entry::Seen, error.into()))?;
        state.write(Entry::Seen, &bytes)
    }
}
