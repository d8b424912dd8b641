//! `events`
use imp_identity::clock::to_micros;
use imp_identity::{Record, UserId};
use imp_storage::{StorageError, Transaction, limit, on};
use uuid::Uuid;

use super::value::{corrupt, instant};

/// The event log: one total order without gaps.
#[derive(Debug)]
pub struct Events<'a>(pub(super) &'a mut Transaction);

/// One entry of the event log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place, from 1, without gaps.
    pub sequence: u64,
    /// What happened.
    pub record: Record,
}

#[derive(Debug, sqlx::FromRow)]
struct EventRow {
    sequence: i64,
    event_id: Uuid,
    at: i64,
    actor: String,
    body: String,
}

impl TryFrom<EventRow> for Entry {
    type Error = StorageError;

    fn try_from(row: EventRow) -> Result<Self, StorageError> {
        Ok(Self {
            sequence: u64::try_from(row.sequence).map_err(|_| corrupt("events.sequence"))?,
            record: Record {
                id: row.event_id.into(),
                at: instant("events.at", row.at)?,
                actor: serde_json::from_str(&row.actor).map_err(|_| corrupt("events.actor"))?,
                event: serde_json::from_str(&row.body).map_err(|_| corrupt("events.body"))?,
            },
        })
    }
}

impl Events<'_> {
    /// Appends a record and says its place. There is one writer at a time ([`imp_storage::Storage::begin`]) and the
    /// place is a primary key: places have no gaps, are never given twice, and commit in their order.
    pub async fn append(&mut self, record: &Record) -> Result<u64, StorageError> {
        const SQL: &str = "INSERT INTO events (sequence, event_id, at, actor, kind, user_id, body) \
            SELECT COALESCE(MAX(sequence), 0) + 1, $1, $2, $3, $4, $5, $6 FROM events \
            RETURNING sequence";
        let actor = serde_json::to_string(&record.actor).map_err(|_| corrupt("events.actor"))?;
        let body = serde_json::to_string(&record.event).map_err(|_| corrupt("events.body"))?;
        let sequence: i64 = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(record.id.as_uuid())
            .bind(to_micros(record.at))
            .bind(&actor)
            .bind(record.event.name())
            .bind(record.event.user().map(UserId::as_uuid))
            .bind(&body)
            .fetch_one(conn)
            .await?);
        u64::try_from(sequence).map_err(|_| corrupt("events.sequence"))
    }

    /// The entries after a place, in order.
    pub async fn page(&mut self, after: u64, asked: u32) -> Result<Vec<Entry>, StorageError> {
        const SQL: &str = "SELECT sequence, event_id, at, actor, body FROM events \
            WHERE sequence > $1 ORDER BY sequence LIMIT $2";
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows: Vec<EventRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(after)
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Entry::try_from).collect()
    }

    /// The entries about a user after a place, in order.
    pub async fn of_user(
        &mut self,
        user: UserId,
        after: u64,
        asked: u32,
    ) -> Result<Vec<Entry>, StorageError> {
        const SQL: &str = "SELECT sequence, event_id, at, actor, body FROM events \
            WHERE user_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows: Vec<EventRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(user.as_uuid())
            .bind(after)
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Entry::try_from).collect()
    }

    /// The place of the last event that changes what a roster says; 0 without one.
    pub async fn last_of_roster(&mut self) -> Result<u64, StorageError> {
        // One look into the index for each kind.
        const SQL: &str = "SELECT COALESCE(MAX(last), 0) FROM ( \
            SELECT MAX(sequence) AS last FROM events WHERE kind = 'user-disabled' \
            UNION ALL SELECT MAX(sequence) FROM events WHERE kind = 'user-enabled' \
            UNION ALL SELECT MAX(sequence) FROM events WHERE kind = 'phone-bound' \
            UNION ALL SELECT MAX(sequence) FROM events WHERE kind = 'phone-revoked' \
            UNION ALL SELECT MAX(sequence) FROM events WHERE kind = 'reference-activated' \
            UNION ALL SELECT MAX(sequence) FROM events WHERE kind = 'reference-revoked' \
            UNION ALL SELECT MAX(sequence) FROM events WHERE kind = 'policy-changed' \
            ) AS lasts";
        let last: i64 = on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await?);
        u64::try_from(last).map_err(|_| corrupt("events.sequence"))
    }
}
