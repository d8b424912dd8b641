//! `consumers` and `set_aside`
use imp_identity::clock::to_micros;
use imp_storage::{StorageError, Transaction, limit, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::entries::key;
use super::value::{corrupt, instant, instant_if};

/// How far consumers have come.
#[derive(Debug)]
pub struct Consumers<'a>(pub(super) &'a mut Transaction);

/// How far one consumer has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The consumer's name.
    pub consumer: String,
    /// The index of the first entry that it has not taken.
    pub next: u64,
    /// Failures in a row.
    pub failures: u32,
    /// Entries set aside in a row, without one that was taken.
    pub aside_in_row: u32,
    /// Not before, after a failure.
    pub retry_at: Option<Timestamp>,
    /// What it said last, until it succeeds.
    pub last_error: Option<String>,
    /// Since when somebody has it paused.
    pub paused_at: Option<Timestamp>,
    /// Which server runs it.
    pub lease: Option<Lease>,
}

/// One server's right to run a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The server's process.
    pub holder: Uuid,
    /// First instant at which others may take it over.
    pub until: Timestamp,
}

/// An entry that a consumer could not digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The entry's index.
    pub index: u64,
    /// What the consumer said.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// Whether it is to be shown once more.
    pub again: bool,
}

#[derive(sqlx::FromRow)]
struct CursorRow {
    consumer: String,
    next_index: i64,
    failures: i64,
    aside_in_row: i64,
    retry_at: Option<i64>,
    last_error: Option<String>,
    paused_at: Option<i64>,
    holder: Option<Uuid>,
    held_until: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct SetAsideRow {
    log_index: i64,
    why: String,
    set_aside_at: i64,
    again: bool,
}

impl TryFrom<CursorRow> for Cursor {
    type Error = StorageError;

    fn try_from(row: CursorRow) -> Result<Self, StorageError> {
        let until = instant_if("consumers.held_until", row.held_until)?;
        Ok(Self {
            consumer: row.consumer,
            next: u64::try_from(row.next_index).map_err(|_| corrupt("consumers.next_index"))?,
            failures: count(row.failures),
            aside_in_row: count(row.aside_in_row),
            retry_at: instant_if("consumers.retry_at", row.retry_at)?,
            last_error: row.last_error,
            paused_at: instant_if("consumers.paused_at", row.paused_at)?,
            lease: row.holder.zip(until).map(|(holder, until)| Lease { holder, until }),
        })
    }
}

impl TryFrom<SetAsideRow> for SetAside {
    type Error = StorageError;

    fn try_from(row: SetAsideRow) -> Result<Self, StorageError> {
        Ok(Self {
            index: u64::try_from(row.log_index).map_err(|_| corrupt("set_aside.log_index"))?,
            why: row.why,
            at: instant("set_aside.set_aside_at", row.set_aside_at)?,
            again: row.again,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT consumer, next_index, failures, aside_in_row, retry_at, last_error, paused_at, \
             holder, held_until FROM consumers ",
            $rest
        )
    };
}

impl Consumers<'_> {
    /// Every consumer that was ever run, by name.
    pub async fn all(&mut self) -> Result<Vec<Cursor>, StorageError> {
        const SQL: &str = select!("ORDER BY consumer");
        let rows: Vec<CursorRow> = on!(self.0, |conn| sqlx::query_as(SQL).fetch_all(conn).await?);
        rows.into_iter().map(Cursor::try_from).collect()
    }

    /// One consumer.
    pub async fn find(&mut self, consumer: &str) -> Result<Option<Cursor>, StorageError> {
        const SQL: &str = select!("WHERE consumer = $1");
        let row: Option<CursorRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(consumer).fetch_optional(conn).await?);
        row.map(Cursor::try_from).transpose()
    }

    /// Writes all of a cursor that is there, but leaves the lease as it is.
    pub async fn update(&mut self, cursor: &Cursor) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE consumers SET next_index = $2, failures = $3, aside_in_row = $4, \
            retry_at = $5, last_error = $6, paused_at = $7 WHERE consumer = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(cursor.consumer.as_str())
            .bind(key(cursor.next))
            .bind(i64::from(cursor.failures))
            .bind(i64::from(cursor.aside_in_row))
            .bind(cursor.retry_at.map(to_micros))
            .bind(cursor.last_error.as_deref())
            .bind(cursor.paused_at.map(to_micros))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Lets a consumer that has no cursor yet begin at `next`: a stream begins when it is made, not with the log.
    pub async fn begin_at(&mut self, consumer: &str, next: u64) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO consumers (consumer, next_index, failures, aside_in_row) \
            VALUES ($1, $2, 0, 0) ON CONFLICT (consumer) DO NOTHING";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(consumer)
            .bind(key(next))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Gives the consumer to the server that runs it, or gives it back with `None`.
    pub async fn lend(&mut self, consumer: &str, lease: Option<Lease>) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE consumers SET holder = $2, held_until = $3 WHERE consumer = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(consumer)
            .bind(lease.map(|lease| lease.holder))
            .bind(lease.map(|lease| to_micros(lease.until)))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Forgets a consumer that is gone for good, and what it had set aside.
    pub async fn delete(&mut self, consumer: &str) -> Result<(), StorageError> {
        const CURSOR: &str = "DELETE FROM consumers WHERE consumer = $1";
        const ASIDE: &str = "DELETE FROM set_aside WHERE consumer = $1";
        for sql in [CURSOR, ASIDE] {
            on!(self.0, |conn| sqlx::query(sql).bind(consumer).execute(conn).await.map(drop)?);
        }
        Ok(())
    }

    /// Sets an entry aside; once more, if it was before.
    pub async fn set_aside(
        &mut self,
        consumer: &str,
        aside: &SetAside,
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO set_aside (consumer, log_index, why, set_aside_at, again) \
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (consumer, log_index) DO UPDATE SET \
            why = excluded.why, set_aside_at = excluded.set_aside_at, again = excluded.again";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(consumer)
            .bind(key(aside.index))
            .bind(aside.why.as_str())
            .bind(to_micros(aside.at))
            .bind(aside.again)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// What a consumer has set aside from an index on, in order; at most 500.
    pub async fn aside(
        &mut self,
        consumer: &str,
        from: u64,
        asked: u32,
    ) -> Result<Vec<SetAside>, StorageError> {
        const SQL: &str = "SELECT log_index, why, set_aside_at, again FROM set_aside \
            WHERE consumer = $1 AND log_index >= $2 ORDER BY log_index LIMIT $3";
        let rows: Vec<SetAsideRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(consumer)
            .bind(key(from))
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(SetAside::try_from).collect()
    }

    /// How many entries a consumer has set aside.
    pub async fn count_aside(&mut self, consumer: &str) -> Result<u64, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM set_aside WHERE consumer = $1";
        let count: i64 =
            on!(self.0, |conn| sqlx::query_scalar(SQL).bind(consumer).fetch_one(conn).await?);
        u64::try_from(count).map_err(|_| corrupt("set_aside"))
    }

    /// The first of all consumers' entries that are to be shown once more, a consumer each.
    pub async fn to_show_again(&mut self) -> Result<Vec<(String, u64)>, StorageError> {
        const SQL: &str = "SELECT consumer, MIN(log_index) FROM set_aside WHERE again \
            GROUP BY consumer";
        let rows: Vec<(String, i64)> =
            on!(self.0, |conn| sqlx::query_as(SQL).fetch_all(conn).await?);
        let row = |(consumer, index): (String, i64)| {
            Ok((consumer, u64::try_from(index).map_err(|_| corrupt("set_aside.log_index"))?))
        };
        rows.into_iter().map(row).collect()
    }

    /// Has all that a consumer set aside shown to it once more; says how many.
    pub async fn show_again(&mut self, consumer: &str) -> Result<u64, StorageError> {
        const SQL: &str = "UPDATE set_aside SET again = TRUE WHERE consumer = $1";
        Ok(on!(self.0, |conn| sqlx::query(SQL).bind(consumer).execute(conn).await?.rows_affected()))
    }

    /// Takes back what was set aside from an index on.
    pub async fn take_back(&mut self, consumer: &str, from: u64) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM set_aside WHERE consumer = $1 AND log_index >= $2";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(consumer)
            .bind(key(from))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Takes back one entry, which was taken at last.
    pub async fn take_back_one(&mut self, consumer: &str, index: u64) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM set_aside WHERE consumer = $1 AND log_index = $2";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(consumer)
            .bind(key(index))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }
}

/// Only ever compared and shown.
fn count(column: i64) -> u32 {
    u32::try_from(column.max(0)).unwrap_or(u32::MAX)
}
