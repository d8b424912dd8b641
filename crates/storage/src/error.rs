//! What can go wrong below the tables.
use std::borrow::Cow;
use std::sync::Arc;

/// The database failed, or holds what it should not.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The URL names neither database.
    #[error("a database URL begins with `sqlite:` or `postgres:`")]
    Url,
    /// The database does not open: wrong path, permission, host, password.
    #[error("the database cannot be opened")]
    Open(#[source] sqlx::Error),
    /// The schema cannot be brought up to date.
    #[error("the database cannot be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A query failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The turn to write did not come in time.
    #[error("the database was busy for too long")]
    Busy,
    /// The changes shared a transaction with those of other writers, and it failed. If the connection was lost at the very
    /// end, nobody knows whether it did.
    #[error("the changes were not stored, together with those of others")]
    Group(#[source] Arc<Self>),
    /// What a group carried was lost with one of its members, or failed to store itself.
    #[error("what a group of writers shared was lost")]
    Carried,
    /// What was read has not reached the disk and never will.
    #[error("what was read could not be stored")]
    Unsettled,
    /// The database has been closed.
    #[error("the database is closed")]
    Closed,
    /// A row does not hold what this version writes: another version or another hand wrote it.
    #[error("a stored `{what}` cannot be understood")]
    Corrupt {
        /// The column or document.
        what: &'static str,
    },
}

impl StorageError {
    /// Whether a row with the same unique value exists.
    pub fn is_unique_violation(&self) -> bool {
        self.database().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }

    /// Whether the database was only busy, so that trying again can help.
    pub fn is_busy(&self) -> bool {
        // SQLITE_BUSY and SQLITE_BUSY_SNAPSHOT; serialization_failure, deadlock_detected, lock_not_available.
        const CODES: [&str; 5] = ["5", "517", "40001", "40P01", "55P03"];
        matches!(self.cause(), Self::Busy | Self::Database(sqlx::Error::PoolTimedOut))
            || self.code().is_some_and(|code| CODES.contains(&code.as_ref()))
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.database().and_then(sqlx::error::DatabaseError::code)
    }

    /// What ended the group, for an error of a group.
    fn cause(&self) -> &Self {
        if let Self::Group(cause) = self { cause } else { self }
    }

    fn database(&self) -> Option<&dyn sqlx::error::DatabaseError> {
        if let Self::Database(sqlx::Error::Database(error)) = self.cause() {
            Some(error.as_ref())
        } else {
            None
        }
    }
}
