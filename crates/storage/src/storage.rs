//! Opening a database and beginning transactions.
use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

use crate::error::StorageError;
use crate::group::{Commits, LIMITS, Limits, Mark, Writer};
use crate::transaction::Transaction;

/// Prepared statements that each connection keeps.
const STATEMENTS: usize = 256;

/// What the connection that writes to SQLite may keep of the file, in KiB: room for what a group of writers changes, and for the
/// pages at the end of every index of a large log, which each group touches. The system keeps the file as well.
const SQLITE_CACHE: &str = "-16384";

/// The same of each connection that reads.
const SQLITE_READ_CACHE: &str = "-1024";

/// The least pages in the write-ahead log before they are moved into the file: several groups touch the same pages.
const SQLITE_CHECKPOINT: &str = "4000";

/// The snapshot of a reader does not move while it reads.
const POSTGRES_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// How a database is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The most connections that are open at a time.
    pub connections: u32,
    /// The longest wait for a connection or a lock.
    pub wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { connections: 8, wait: Duration::from_secs(5) }
    }
}

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Storage {
    pools: Pools,
    writer: Writer,
}

#[derive(Clone, Debug)]
pub(crate) enum Pools {
    /// SQLite has one writer at a time: one connection for those who take turns, others for readers. In memory it is the
    /// same one.
    Sqlite { write: SqlitePool, read: SqlitePool, memory: bool },
    /// A writer is a connection that holds the lock.
    Postgres(PgPool),
}

impl Pools {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Sqlite { .. } => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }

    /// Whether readers get on while the connection that writes is held.
    pub(crate) const fn has_readers(&self) -> bool {
        !matches!(self, Self::Sqlite { memory: true, .. })
    }
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Inside the server.
    Sqlite,
    /// Beside it.
    Postgres,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

impl Storage {
    /// Opens the database at `url` (`sqlite:/path/to/file`, created if missing; `sqlite::memory:`; `postgres://…`) and
    /// brings its schema up to date.
    pub async fn open(
        url: &str,
        migrator: &Migrator,
        options: &Options,
    ) -> Result<Self, StorageError> {
        Self::open_within(url, migrator, options, LIMITS).await
    }

    /// Opens the database at `url` as it is, to read only: nothing is created, and its schema stays what it is.
    pub async fn open_to_read(url: &str, options: &Options) -> Result<Self, StorageError> {
        let scheme = url.split_once(':').map(|(scheme, _)| scheme);
        let pools = match scheme {
            Some("sqlite") => {
                let connect = SqliteConnectOptions::from_str(url).map_err(StorageError::Open)?;
                let connect = connect.read_only(true).busy_timeout(options.wait);
                let pool = SqlitePoolOptions::new()
                    .acquire_timeout(options.wait)
                    .max_connections(options.connections)
                    .connect_with(connect)
                    .await
                    .map_err(StorageError::Open)?;
                Pools::Sqlite { write: pool.clone(), read: pool, memory: false }
            }
            Some("postgres" | "postgresql") => {
                Pools::Postgres(connect_postgres(url, options).await?)
            }
            Some(_) | None => return Err(StorageError::Url),
        };
        Ok(Self { writer: Writer::start(pools.clone(), options, LIMITS), pools })
    }

    /// The same with other limits of a group.
    pub(crate) async fn open_within(
        url: &str,
        migrator: &Migrator,
        options: &Options,
        limits: Limits,
    ) -> Result<Self, StorageError> {
        let scheme = url.split_once(':').map(|(scheme, _)| scheme);
        let pools = match scheme {
            Some("sqlite") => open_sqlite(url, migrator, options).await?,
            Some("postgres" | "postgresql") => open_postgres(url, migrator, options).await?,
            Some(_) | None => return Err(StorageError::Url),
        };
        Ok(Self { writer: Writer::start(pools.clone(), options, limits), pools })
    }

    /// Begins a transaction that may write. There is one at a time, on either database and over all replicas: what it
    /// reads nobody else changes before it ends, so a command may load, decide and change without further locks.
    ///
    /// Writers who wait at the same time share one `COMMIT`, and with it one wait for the disk: a transaction sees what the earlier
    /// ones of its group changed, before that is on disk. Rolling back undoes its own changes alone.
    pub async fn begin(&self) -> Result<Transaction, StorageError> {
        self.writer.begin().await
    }

    /// Begins a transaction that only reads, from one consistent snapshot, without waiting for writers.
    pub async fn read(&self) -> Result<Transaction, StorageError> {
        Ok(match &self.pools {
            Pools::Sqlite { read, .. } => Transaction::read_sqlite(read.begin().await?),
            Pools::Postgres(pool) => {
                let pool = pool.clone();
                // A task: a `BEGIN` whose caller goes away before it is acknowledged would stay open.
                let begin = async move { pool.begin_with(POSTGRES_READ).await };
                #[expect(clippy::disallowed_methods, reason = "ends with the database's answer")]
                let answer = tokio::spawn(begin).await;
                Transaction::read_postgres(answer.map_err(|_| StorageError::Closed)??)
            }
        })
    }

    /// A moment: see [`Self::settled_since`].
    pub fn mark(&self) -> Mark {
        self.writer.observer.mark()
    }

    /// How many groups of writers of this process have ended: while it stays the same, none of them has changed anything.
    pub fn commit_count(&self) -> u64 {
        self.writer.observer.ended()
    }

    /// Waits until everything is on disk that a transaction could have read up to now. Costs nothing when nothing is under
    /// way. Fails if something of it was lost since `mark`: what rests on it must not be said.
    pub async fn settled_since(&self, mark: Mark) -> Result<(), StorageError> {
        self.writer.observer.settled_since(mark).await
    }

    /// As [`Self::settled_since`] this moment.
    pub async fn settled(&self) -> Result<(), StorageError> {
        self.settled_since(self.mark()).await
    }

    /// Tells when this process has changed something, and it is on disk. Says nothing of other processes.
    pub fn commits(&self) -> Commits {
        self.writer.observer.commits()
    }

    /// Whether the database answers, for readiness and for diagnosis.
    pub async fn check(&self) -> Result<(), StorageError> {
        let mut transaction = self.read().await?;
        crate::on!(&mut transaction, |conn| sqlx::query("SELECT 1").execute(conn).await.map(drop))?;
        transaction.commit().await
    }

    /// Which database it is.
    pub const fn kind(&self) -> Kind {
        self.pools.kind()
    }

    /// Waits for transactions under way and closes every connection.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

async fn open_sqlite(
    url: &str,
    migrator: &Migrator,
    options: &Options,
) -> Result<Pools, StorageError> {
    let memory = url.contains(":memory:");
    let connect = SqliteConnectOptions::from_str(url)
        .map_err(StorageError::Open)?
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // What is erased is overwritten, not only forgotten.
        .pragma("secure_delete", "ON")
        .busy_timeout(options.wait)
        .statement_cache_capacity(STATEMENTS);
    // A connection in memory is the database: it must never be closed for being old or idle.
    let pool = SqlitePoolOptions::new()
        .acquire_timeout(options.wait)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false);
    let write = pool
        .clone()
        .max_connections(1)
        .connect_with(to_write(connect.clone()))
        .await
        .map_err(StorageError::Open)?;
    migrator.run(&write).await?;
    if memory {
        return Ok(Pools::Sqlite { read: write.clone(), write, memory });
    }
    let read = pool
        .max_connections(options.connections)
        .connect_with(connect.pragma("query_only", "ON").pragma("cache_size", SQLITE_READ_CACHE))
        .await
        .map_err(StorageError::Open)?;
    Ok(Pools::Sqlite { write, read, memory })
}

fn to_write(connect: SqliteConnectOptions) -> SqliteConnectOptions {
    connect
        .pragma("cache_size", SQLITE_CACHE)
        .pragma("wal_autocheckpoint", SQLITE_CHECKPOINT)
        // What a savepoint returns to would else be a temporary file for every member of a group.
        .pragma("temp_store", "MEMORY")
}

async fn open_postgres(
    url: &str,
    migrator: &Migrator,
    options: &Options,
) -> Result<Pools, StorageError> {
    let pool = connect_postgres(url, options).await?;
    migrator.run(&pool).await?;
    Ok(Pools::Postgres(pool))
}

async fn connect_postgres(url: &str, options: &Options) -> Result<PgPool, StorageError> {
    let wait = format!("{}ms", options.wait.as_millis());
    let connect = PgConnectOptions::from_str(url)
        .map_err(StorageError::Open)?
        .application_name("imp")
        .statement_cache_capacity(STATEMENTS)
        // A replica that dies within a transaction must not hold the others up for long.
        .options([("lock_timeout", wait.as_str()), ("idle_in_transaction_session_timeout", "30s")]);
    let pool = PgPoolOptions::new()
        .acquire_timeout(options.wait)
        .max_connections(options.connections)
        .connect_with(connect)
        .await
        .map_err(StorageError::Open)?;
    Ok(pool)
}

#[cfg(test)]
mod tests;
