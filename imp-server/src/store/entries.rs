//! `entries`
use std::ops::Range;

use imp_events::Entry;
use imp_identity::clock::to_micros;
use imp_identity::{EventId, Record, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction, limit, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::value::{bytes32, corrupt, instant};

/// The log's entries: one total order without gaps.
#[derive(Debug)]
pub struct Entries<'a>(pub(super) &'a mut Transaction);

/// One entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its leaf index, from 0, without gaps.
    pub index: u64,
    /// Names its record.
    pub event: EventId,
    /// When it was appended.
    pub at: Timestamp,
    /// The event's name, such as `tap-accepted`.
    pub kind: String,
    /// What the commitment was made from; `None` once it is erased.
    pub content: Option<Content>,
    /// The leaf's data: what the log shows to everybody.
    pub commitment: [u8; 32],
}

/// What a commitment was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The exact JSON text of the record.
    pub record: String,
    /// The salt.
    pub salt: [u8; 32],
}

/// An entry to be added.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// Its leaf index: the number of entries before it.
    pub index: u64,
    /// What happened.
    pub record: &'a Record,
    /// The record's exact JSON text.
    pub text: &'a str,
    /// The salt of the commitment.
    pub salt: &'a [u8; 32],
    /// The leaf's data.
    pub commitment: &'a [u8; 32],
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct EntryRow {
    pub(super) log_index: i64,
    event_id: Uuid,
    at: i64,
    kind: String,
    record: Option<String>,
    salt: Option<Vec<u8>>,
    commitment: Vec<u8>,
}

impl TryFrom<EntryRow> for StoredEntry {
    type Error = StorageError;

    fn try_from(row: EntryRow) -> Result<Self, StorageError> {
        let content = match (row.record, row.salt) {
            (Some(record), Some(salt)) => {
                Some(Content { record, salt: bytes32("entries.salt", &salt)? })
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(corrupt("entries.record")),
        };
        Ok(Self {
            index: place(row.log_index)?,
            event: row.event_id.into(),
            at: instant("entries.at", row.at)?,
            kind: row.kind,
            content,
            commitment: bytes32("entries.commitment", &row.commitment)?,
        })
    }
}

impl StoredEntry {
    /// With its record read; `None` once it is erased.
    pub fn entry(&self) -> Result<Option<Entry>, StorageError> {
        let Some(content) = &self.content else { return Ok(None) };
        let record = serde_json::from_str(&content.record);
        let record = record.map_err(|_| corrupt("entries.record"))?;
        Ok(Some(Entry { index: self.index, record }))
    }
}

/// What every question about entries selects.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT log_index, event_id, at, kind, record, salt, commitment FROM entries ",
            $rest
        )
    };
}

impl Entries<'_> {
    /// Adds an entry. Its index is a primary key, and there is one writer at a time ([`imp_storage::Storage::begin`]): an
    /// index is never given twice, and indexes commit in their order.
    pub async fn add(&mut self, entry: &NewEntry<'_>) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO entries (log_index, event_id, at, kind, outcome, user_id, actor_id, \
            workstation_id, device_id, record, salt, commitment) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let NewEntry { index, record, text, salt, commitment } = entry;
        let event = &record.event;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(key(*index))
            .bind(record.id.as_uuid())
            .bind(to_micros(record.at))
            .bind(event.name())
            .bind(event.outcome().map(imp_identity::event::Outcome::code))
            .bind(event.user().map(UserId::as_uuid))
            .bind(record.actor_user().map(UserId::as_uuid))
            .bind(event.workstation().map(WorkstationId::as_uuid))
            .bind(event.device())
            .bind(*text)
            .bind(salt.as_slice())
            .bind(commitment.as_slice())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The entry at an index.
    pub async fn find(&mut self, index: u64) -> Result<Option<StoredEntry>, StorageError> {
        const SQL: &str = select!("WHERE log_index = $1");
        let row: Option<EntryRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(key(index)).fetch_optional(conn).await?);
        row.map(StoredEntry::try_from).transpose()
    }

    /// The entry of a record.
    pub async fn find_event(&mut self, id: EventId) -> Result<Option<StoredEntry>, StorageError> {
        const SQL: &str = select!("WHERE event_id = $1");
        let row: Option<EntryRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(StoredEntry::try_from).transpose()
    }

    /// The entries from an index on, in order; at most 500.
    pub async fn page(&mut self, from: u64, asked: u32) -> Result<Vec<StoredEntry>, StorageError> {
        const SQL: &str = select!("WHERE log_index >= $1 ORDER BY log_index LIMIT $2");
        let rows: Vec<EntryRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(key(from))
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(StoredEntry::try_from).collect()
    }

    /// The entries before an index, latest first; at most 500.
    pub async fn page_before(
        &mut self,
        before: u64,
        asked: u32,
    ) -> Result<Vec<StoredEntry>, StorageError> {
        const SQL: &str = select!("WHERE log_index < $1 ORDER BY log_index DESC LIMIT $2");
        let rows: Vec<EntryRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(key(before))
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(StoredEntry::try_from).collect()
    }

    /// The entries about a user from an index on, in order; at most 500. Those that were erased are about nobody.
    pub async fn of_user(
        &mut self,
        user: UserId,
        from: u64,
        asked: u32,
    ) -> Result<Vec<StoredEntry>, StorageError> {
        const SQL: &str =
            select!("WHERE user_id = $1 AND log_index >= $2 ORDER BY log_index LIMIT $3");
        let rows: Vec<EntryRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(user.as_uuid())
            .bind(key(from))
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(StoredEntry::try_from).collect()
    }

    /// The entries of a kind within a range of indexes, in order; at most 500.
    pub async fn of_kind(
        &mut self,
        kind: &str,
        range: Range<u64>,
        asked: u32,
    ) -> Result<Vec<StoredEntry>, StorageError> {
        const SQL: &str = select!(
            "WHERE kind = $1 AND log_index >= $2 AND log_index < $3 ORDER BY log_index LIMIT $4"
        );
        let rows: Vec<EntryRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(kind)
            .bind(key(range.start))
            .bind(key(range.end))
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(StoredEntry::try_from).collect()
    }

    /// The index of the first entry that was appended at or after an instant.
    pub async fn first_since(&mut self, at: Timestamp) -> Result<Option<u64>, StorageError> {
        const SQL: &str =
            "SELECT log_index FROM entries WHERE at >= $1 ORDER BY at, log_index LIMIT 1";
        let index: Option<i64> = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(to_micros(at))
            .fetch_optional(conn)
            .await?);
        index.map(place).transpose()
    }

    /// Erases the record of an entry, its salt, and everything that was derived from the record.
    pub async fn erase(&mut self, index: u64) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE entries SET record = NULL, salt = NULL, outcome = NULL, \
            user_id = NULL, actor_id = NULL, workstation_id = NULL, device_id = NULL \
            WHERE log_index = $1";
        on!(self.0, |conn| sqlx::query(SQL).bind(key(index)).execute(conn).await.map(drop)?);
        Ok(())
    }

    /// The leaves' data in a range of indexes, in order.
    pub async fn commitments(&mut self, range: Range<u64>) -> Result<Vec<[u8; 32]>, StorageError> {
        const SQL: &str = "SELECT commitment FROM entries WHERE log_index >= $1 AND log_index < $2 \
            ORDER BY log_index";
        let rows: Vec<Vec<u8>> = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(key(range.start))
            .bind(key(range.end))
            .fetch_all(conn)
            .await?);
        rows.iter().map(|bytes| bytes32("entries.commitment", bytes)).collect()
    }

    /// The number of entries up to the last that changes what a roster says; 0 without one.
    pub async fn last_of_roster(&mut self) -> Result<u64, StorageError> {
        // One look into the index for each kind.
        const SQL: &str = "SELECT COALESCE(MAX(last) + 1, 0) FROM ( \
            SELECT MAX(log_index) AS last FROM entries WHERE kind = 'user-disabled' \
            UNION ALL SELECT MAX(log_index) FROM entries WHERE kind = 'user-enabled' \
            UNION ALL SELECT MAX(log_index) FROM entries WHERE kind = 'user-changed' \
            UNION ALL SELECT MAX(log_index) FROM entries WHERE kind = 'phone-bound' \
            UNION ALL SELECT MAX(log_index) FROM entries WHERE kind = 'phone-revoked' \
            UNION ALL SELECT MAX(log_index) FROM entries WHERE kind = 'reference-activated' \
            UNION ALL SELECT MAX(log_index) FROM entries WHERE kind = 'reference-revoked' \
            UNION ALL SELECT MAX(log_index) FROM entries WHERE kind = 'policy-changed' \
            ) AS lasts";
        let last: i64 = on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await?);
        place(last)
    }
}

fn place(column: i64) -> Result<u64, StorageError> {
    u64::try_from(column).map_err(|_| corrupt("entries.log_index"))
}

/// An index as it is stored; one that no tree reaches stands behind every entry.
pub(super) fn key(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
