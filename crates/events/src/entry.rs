//! One event's place in the log.
use imp_identity::Record;
use serde::{Deserialize, Serialize};

/// A record and its place in the log. Where a record was erased there is no entry: indexes that a reader sees rise
/// strictly but may jump.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The leaf's index, from 0 (RFC 9162 §2.1.1).
    pub index: u64,
    /// What happened.
    pub record: Record,
}
