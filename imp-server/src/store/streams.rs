//! `streams`, `stream_acknowledged` and `stream_messages`
use imp_events::Kind;
use imp_identity::clock::to_micros;
use imp_identity::name::{Label, Remark};
use imp_identity::{ReceiverId, StreamId};
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::entries::key;
use super::value::{corrupt, instant, text};
use crate::stream::{Message, Stream};

/// Streams of events to other systems.
#[derive(Debug)]
pub struct Streams<'a>(pub(super) &'a mut Transaction);

/// A stream and its sealed settings.
#[derive(Clone, Debug)]
pub struct StoredStream {
    /// What it is.
    pub stream: Stream,
    /// Where it goes, sealed.
    pub settings: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct StreamRow {
    stream_id: Uuid,
    stream_name: String,
    receiver_id: Option<Uuid>,
    delivery: String,
    kinds: String,
    form: String,
    audience: String,
    description: Option<String>,
    stream_status: String,
    status_reason: Option<String>,
    settings: Vec<u8>,
    revision: i64,
    created_at: i64,
}

#[derive(sqlx::FromRow)]
struct MessageRow {
    message_id: Uuid,
    stream_id: Uuid,
    event_uri: String,
    payload: String,
    made_at: i64,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredMessage {
    /// What it says.
    pub(crate) message: Message,
    /// About which stream.
    pub(crate) stream: StreamId,
    /// Since when it waits.
    pub(crate) made_at: Timestamp,
}

impl TryFrom<StreamRow> for StoredStream {
    type Error = StorageError;

    fn try_from(row: StreamRow) -> Result<Self, StorageError> {
        let reason: Option<Result<Remark, _>> =
            row.status_reason.as_deref().map(|reason| text("streams.status_reason", reason));
        let stream = Stream {
            id: row.stream_id.into(),
            name: text("streams.stream_name", &row.stream_name)?,
            receiver: row.receiver_id.map(ReceiverId::from),
            delivery: text("streams.delivery", &row.delivery)?,
            kinds: kinds("streams.kinds", &row.kinds)?,
            form: text("streams.form", &row.form)?,
            audience: row.audience,
            description: row.description,
            status: text("streams.stream_status", &row.stream_status)?,
            reason: reason.transpose()?,
            revision: u64::try_from(row.revision).map_err(|_| corrupt("streams.revision"))?,
            created_at: instant("streams.created_at", row.created_at)?,
        };
        Ok(Self { stream, settings: row.settings })
    }
}

impl TryFrom<MessageRow> for StoredMessage {
    type Error = StorageError;

    fn try_from(row: MessageRow) -> Result<Self, StorageError> {
        let payload = serde_json::from_str(&row.payload);
        Ok(Self {
            message: Message {
                id: row.message_id,
                uri: row.event_uri,
                payload: payload.map_err(|_| corrupt("stream_messages.payload"))?,
            },
            stream: row.stream_id.into(),
            made_at: instant("stream_messages.made_at", row.made_at)?,
        })
    }
}

impl Streams<'_> {
    /// Adds a stream.
    pub async fn add(&mut self, stored: &StoredStream) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO streams (stream_id, stream_name, receiver_id, delivery, kinds, form, \
            audience, description, stream_status, status_reason, settings, revision, created_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        let StoredStream { stream, settings } = stored;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(stream.id.as_uuid())
            .bind(stream.name.as_str())
            .bind(stream.receiver.map(ReceiverId::as_uuid))
            .bind(stream.delivery.code())
            .bind(list(&stream.kinds))
            .bind(stream.form.code())
            .bind(stream.audience.as_str())
            .bind(stream.description.as_deref())
            .bind(stream.status.code())
            .bind(stream.reason.as_ref().map(Remark::as_str))
            .bind(settings.as_slice())
            .bind(key(stream.revision))
            .bind(to_micros(stream.created_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Writes what can change of a stream.
    pub async fn update(&mut self, stored: &StoredStream) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE streams SET delivery = $2, kinds = $3, audience = $4, description = $5, \
            stream_status = $6, status_reason = $7, settings = $8, revision = $9 WHERE stream_id = $1";
        let StoredStream { stream, settings } = stored;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(stream.id.as_uuid())
            .bind(stream.delivery.code())
            .bind(list(&stream.kinds))
            .bind(stream.audience.as_str())
            .bind(stream.description.as_deref())
            .bind(stream.status.code())
            .bind(stream.reason.as_ref().map(Remark::as_str))
            .bind(settings.as_slice())
            .bind(key(stream.revision))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Every stream, by name. There are few.
    pub async fn all(&mut self) -> Result<Vec<StoredStream>, StorageError> {
        const SQL: &str = "SELECT * FROM streams ORDER BY stream_name";
        let rows: Vec<StreamRow> = on!(self.0, |conn| sqlx::query_as(SQL).fetch_all(conn).await?);
        rows.into_iter().map(StoredStream::try_from).collect()
    }

    /// One stream.
    pub async fn find(&mut self, id: StreamId) -> Result<Option<StoredStream>, StorageError> {
        const SQL: &str = "SELECT * FROM streams WHERE stream_id = $1";
        let row: Option<StreamRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(StoredStream::try_from).transpose()
    }

    /// The stream of that name.
    pub async fn find_name(&mut self, name: &Label) -> Result<Option<StoredStream>, StorageError> {
        const SQL: &str = "SELECT * FROM streams WHERE stream_name = $1";
        let row: Option<StreamRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(name.as_str())
            .fetch_optional(conn)
            .await?);
        row.map(StoredStream::try_from).transpose()
    }

    /// A receiver's streams, oldest first.
    pub async fn of_receiver(
        &mut self,
        receiver: ReceiverId,
    ) -> Result<Vec<StoredStream>, StorageError> {
        const SQL: &str = "SELECT * FROM streams WHERE receiver_id = $1 ORDER BY stream_id";
        let rows: Vec<StreamRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(receiver.as_uuid())
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(StoredStream::try_from).collect()
    }

    /// How many there are.
    pub async fn count(&mut self) -> Result<u64, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM streams";
        let count: i64 = on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await?);
        u64::try_from(count).map_err(|_| corrupt("streams"))
    }

    /// Removes a stream and what it kept.
    pub async fn delete(&mut self, id: StreamId) -> Result<(), StorageError> {
        const ACKNOWLEDGED: &str = "DELETE FROM stream_acknowledged WHERE stream_id = $1";
        const MESSAGES: &str = "DELETE FROM stream_messages WHERE stream_id = $1";
        const STREAM: &str = "DELETE FROM streams WHERE stream_id = $1";
        for sql in [ACKNOWLEDGED, MESSAGES, STREAM] {
            on!(self.0, |conn| sqlx::query(sql)
                .bind(id.as_uuid())
                .execute(conn)
                .await
                .map(drop)?);
        }
        Ok(())
    }

    /// Remembers that an entry was acknowledged; answers whether that is new.
    pub async fn acknowledge(&mut self, id: StreamId, index: u64) -> Result<bool, StorageError> {
        const SQL: &str = "INSERT INTO stream_acknowledged (stream_id, log_index) VALUES ($1, $2) \
            ON CONFLICT (stream_id, log_index) DO NOTHING";
        Ok(on!(self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(key(index))
            .execute(conn)
            .await?
            .rows_affected()
            == 1))
    }

    /// The entries that were acknowledged, from an index on.
    pub async fn acknowledged(
        &mut self,
        id: StreamId,
        from: u64,
    ) -> Result<Vec<u64>, StorageError> {
        const SQL: &str = "SELECT log_index FROM stream_acknowledged WHERE stream_id = $1 AND log_index >= $2 \
            ORDER BY log_index";
        let indexes: Vec<i64> = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(id.as_uuid())
            .bind(key(from))
            .fetch_all(conn)
            .await?);
        let index =
            |index| u64::try_from(index).map_err(|_| corrupt("stream_acknowledged.log_index"));
        indexes.into_iter().map(index).collect()
    }

    /// Forgets acknowledgements within a range of indexes.
    pub async fn forget_acknowledged(
        &mut self,
        id: StreamId,
        range: std::ops::Range<u64>,
    ) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM stream_acknowledged WHERE stream_id = $1 AND log_index >= $2 \
            AND log_index < $3";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(key(range.start))
            .bind(key(range.end))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Adds a message about a stream.
    pub(crate) async fn add_message(&mut self, stored: &StoredMessage) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO stream_messages (message_id, stream_id, event_uri, payload, made_at) \
            VALUES ($1, $2, $3, $4, $5)";
        let Message { id, uri, payload } = &stored.message;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(*id)
            .bind(stored.stream.as_uuid())
            .bind(uri.as_str())
            .bind(payload.to_string())
            .bind(to_micros(stored.made_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The messages about a stream, oldest first.
    pub(crate) async fn messages(
        &mut self,
        id: StreamId,
    ) -> Result<Vec<StoredMessage>, StorageError> {
        const SQL: &str = "SELECT * FROM stream_messages WHERE stream_id = $1 ORDER BY message_id";
        let rows: Vec<MessageRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_all(conn).await?);
        rows.into_iter().map(StoredMessage::try_from).collect()
    }

    /// Removes a message; whether it was there.
    pub async fn delete_message(
        &mut self,
        id: StreamId,
        message: Uuid,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "DELETE FROM stream_messages WHERE stream_id = $1 AND message_id = $2";
        let deleted = on!(self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(message)
            .execute(conn)
            .await?
            .rows_affected());
        Ok(deleted > 0)
    }
}

/// Names with commas, as stored.
pub(super) fn list(kinds: &[Kind]) -> String {
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    names.join(",")
}

/// Reads [`list`].
pub(super) fn kinds(what: &'static str, list: &str) -> Result<Vec<Kind>, StorageError> {
    Kind::list(list).map_err(|_| corrupt(what))
}

#[cfg(test)]
mod tests;
