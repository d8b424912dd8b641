//! `imp-server log verify`: checks everything that is stored or served of a log, with nothing but the log's public key, and
//! says the first thing that is wrong. The maths is `imp_translog::audit`'s; here are the two places where a log is found.
mod database;
mod derived;
mod erasure;
mod notes;
mod remote;

#[cfg(test)]
mod tests;

use imp_storage::StorageError;
use imp_translog::audit::Wrong;
use imp_translog::{Hash, InvalidCheckpoint, NoteError, OpenError, TileId, VerifierKey};

pub(crate) use database::{open, verify_database};
pub(crate) use remote::verify_remote;

use crate::outside::OutsideError;

/// What to hold the log against.
#[derive(Clone, Debug)]
pub(crate) struct Expectation {
    /// The log's public key; its name is the log's origin.
    pub(crate) log: VerifierKey,
    /// A checkpoint that an auditor kept: what she saw then must still be there.
    pub(crate) since: Option<String>,
    /// Witnesses that must have cosigned a checkpoint of this log.
    pub(crate) witnesses: Vec<VerifierKey>,
}

/// A log in which everything holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sound {
    /// Entries.
    pub(crate) size: u64,
    /// Root of the tree over them.
    pub(crate) root: Hash,
    /// The latest checkpoint, as it was stored or shown.
    pub(crate) checkpoint: String,
    /// Entries whose record was erased, as later entries say; unknown to an outsider.
    pub(crate) erased: Option<u64>,
    /// Tiles that were compared.
    pub(crate) tiles: u64,
    /// Checkpoints that were compared, the latest among them.
    pub(crate) checkpoints: u64,
    /// The largest checkpoint that each of the witnesses cosigned.
    pub(crate) cosigned: Vec<Cosigned>,
}

/// What a witness saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cosigned {
    /// Its name.
    pub(crate) witness: String,
    /// Entries in the checkpoint.
    pub(crate) size: u64,
    /// When, in POSIX seconds.
    pub(crate) time: u64,
}

/// The first thing that is wrong, or what keeps the check from being made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    /// Entries, tiles or checkpoints do not fit each other.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// There is no such log.
    #[error("the database has no log named {origin}")]
    NoLog {
        /// The name in the key.
        origin: String,
    },
    /// There is another log beside it.
    #[error("the database has a head of another log, {origin}")]
    OtherLog {
        /// Its name.
        origin: String,
    },
    /// The latest checkpoint is not the log's.
    #[error("the latest checkpoint does not count")]
    Checkpoint(#[source] OpenError),
    /// A checkpoint that is stored is not the log's.
    #[error("the stored checkpoint of {size} entries does not count")]
    Stored {
        /// Under which size it is stored.
        size: i64,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// A checkpoint is stored under another size than its own.
    #[error("a checkpoint of {size} entries is stored as one of {stored}")]
    Misplaced {
        /// Entries that it states.
        size: u64,
        /// Under which size it is stored.
        stored: i64,
    },
    /// A witness's signature on a checkpoint does not hold.
    #[error("a cosignature on the checkpoint of {size} entries does not count")]
    Cosignature {
        /// Entries that the checkpoint states.
        size: u64,
        /// Why.
        #[source]
        source: NoteError,
    },
    /// A witness never cosigned.
    #[error("the witness {witness} has cosigned no checkpoint of this log")]
    NotCosigned {
        /// Its name.
        witness: String,
    },
    /// What the auditor kept is not a checkpoint of this log.
    #[error("the checkpoint that was kept is not one of this log")]
    Since(#[source] OpenError),
    /// The growing edge does not fit the entries.
    #[error("the stored head of the log does not fit its entries: {column} was changed")]
    Head {
        /// Which column.
        column: &'static str,
    },
    /// A row cannot be read at all.
    #[error("entry {index} cannot be read from the database")]
    Unreadable {
        /// The entry.
        index: u64,
        /// Why.
        #[source]
        source: StorageError,
    },
    /// The text is genuine, but this version does not know it.
    #[error("the record of entry {index} is not one that this version of imp-server understands")]
    NotUnderstood {
        /// The entry.
        index: u64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A column does not follow from the record.
    #[error("the column {column} of entry {index} does not say what its record says")]
    Derived {
        /// The entry.
        index: u64,
        /// Which column.
        column: &'static str,
    },
    /// A column still says what was erased.
    #[error("the record of entry {index} is erased, but its column {column} still says something")]
    Residue {
        /// The entry.
        index: u64,
        /// Which column.
        column: &'static str,
    },
    /// Time ran backwards.
    #[error("entry {index} is dated before the entry before it")]
    Time {
        /// The entry.
        index: u64,
    },
    /// A record is gone, and nobody said that it was erased.
    #[error("the record of entry {index} is gone, but no later entry says that it was erased")]
    Unexplained {
        /// The entry.
        index: u64,
    },
    /// A record was said to be erased, and is there.
    #[error("entry {by} says that the record of entry {index} was erased, but it is still there")]
    StillThere {
        /// The entry.
        index: u64,
        /// The entry that says so.
        by: u64,
    },
    /// More records are gone than were said to have expired.
    #[error("entry {by} says that {said} records expired, but {gone} of that kind are gone there")]
    Miscounted {
        /// The entry that says so.
        by: u64,
        /// How many it says.
        said: u64,
        /// How many there are.
        gone: u64,
    },
    /// More or fewer tiles than the entries make.
    #[error("{stored} tiles are stored, but the entries make {computed}")]
    Tiles {
        /// Tiles in the database.
        stored: u64,
        /// Tiles that follow from the entries.
        computed: u64,
    },
    /// The server does not show something that it must have.
    #[error("the log does not show {path}: HTTP status {status}")]
    NotShown {
        /// Which resource.
        path: String,
        /// What it answered.
        status: u16,
    },
    /// A bundle does not hold the entries that it should.
    #[error("the bundle of the entries from {first} does not hold {expected} entries")]
    Bundle {
        /// First entry that it should hold.
        first: u64,
        /// How many it should hold.
        expected: u16,
    },
    /// What was shown is no text where text is expected.
    #[error("what the log shows as {path} is not text")]
    NotText {
        /// Which resource.
        path: String,
    },
    /// The address of the log is not one.
    #[error("the address of the log is not a URL that begins with https:// or http://")]
    Address,
    /// HTTP failed.
    #[error("the log cannot be read over HTTP")]
    Outside(#[from] OutsideError),
    /// The database failed.
    #[error("the log cannot be read from the database")]
    Storage(#[from] StorageError),
}

impl From<InvalidCheckpoint> for VerifyError {
    fn from(error: InvalidCheckpoint) -> Self {
        Self::Checkpoint(error.into())
    }
}

/// How the paths of tiles are told in errors.
fn tile_path(id: TileId, width: u16) -> String {
    imp_translog::TilePath::Hashes { id, width }.to_string()
}
