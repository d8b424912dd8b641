//! The one connection that writes.
use sqlx::pool::PoolConnection;
use sqlx::{Postgres, Sqlite};

use crate::error::StorageError;
use crate::storage::Pools;
use crate::transaction::Connection;

/// What is said to the database: for SQLite, for PostgreSQL.
pub(super) struct Words(&'static str, &'static str);

/// A member may begin. One writer at a time on PostgreSQL too, over all replicas: the lock is held until the transaction
/// ends, and every later statement sees what earlier writers committed. The number is arbitrary but fixed: "imp".
pub(super) const OPEN: Words = Words(
    "BEGIN IMMEDIATE; SAVEPOINT member",
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock(6909296); SAVEPOINT member",
);
/// The member is done, the next one may begin.
pub(super) const NEXT: Words = Words::both("RELEASE member; SAVEPOINT member");
/// The member is undone, the next one may begin.
pub(super) const BACK: Words = Words::both("ROLLBACK TO member");
/// `RELEASE` fails where a failed statement would make PostgreSQL roll back on `COMMIT` without a word.
pub(super) const COMMIT: Words = Words::both("RELEASE member; COMMIT");
/// Everything is undone.
pub(super) const ROLLBACK: Words = Words::both("ROLLBACK");

impl Words {
    const fn both(words: &'static str) -> Self {
        Self(words, words)
    }
}

#[derive(Debug)]
enum Held {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

/// The connection that writes. If it is dropped it is closed, because nobody knows what it was doing; one that is
/// [given back](Self::give_back) is used again.
#[derive(Debug, Default)]
pub(crate) struct Seat(Option<Held>);

impl Drop for Seat {
    fn drop(&mut self) {
        match self.0.take() {
            // The databases roll back what a closed connection was doing.
            Some(Held::Sqlite(connection)) => drop(connection.detach()),
            Some(Held::Postgres(connection)) => drop(connection.detach()),
            None => {}
        }
    }
}

impl Seat {
    /// Waits for the connection.
    pub(super) async fn take(pools: &Pools) -> Result<Self, StorageError> {
        Ok(Self(Some(match pools {
            Pools::Sqlite { write, .. } => Held::Sqlite(write.acquire().await?),
            Pools::Postgres(pool) => Held::Postgres(pool.acquire().await?),
        })))
    }

    /// Puts the connection back, without an open transaction.
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }

    pub(super) async fn say(&mut self, words: &Words) -> Result<(), StorageError> {
        match &mut self.0 {
            // Prepared once.
            Some(Held::Sqlite(connection)) => {
                sqlx::query(words.0).execute(&mut **connection).await?;
            }
            // One message, one round trip.
            Some(Held::Postgres(connection)) => {
                sqlx::raw_sql(words.1).execute(&mut **connection).await?;
            }
            None => return Err(StorageError::Closed),
        }
        Ok(())
    }

    /// Leaves whatever transaction there may be. `None` if the connection cannot be used any more.
    pub(super) async fn recover(mut self) -> Option<Self> {
        match (self.say(&ROLLBACK).await, &self.0) {
            // SQLite refuses when it has rolled back by itself.
            (Ok(()), _)
            | (Err(StorageError::Database(sqlx::Error::Database(_))), Some(Held::Sqlite(_))) => {
                Some(self)
            }
            (Err(_), _) => None,
        }
    }

    /// For a statement.
    #[expect(clippy::expect_used, reason = "taken only by those who consume the seat")]
    pub(crate) fn connection(&mut self) -> Connection<'_> {
        match self.0.as_mut().expect("the connection is here until the member ends") {
            Held::Sqlite(connection) => Connection::Sqlite(connection),
            Held::Postgres(connection) => Connection::Postgres(connection),
        }
    }
}
