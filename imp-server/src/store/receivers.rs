//! `receivers`
use imp_identity::clock::to_micros;
use imp_identity::{Digest, ReceiverId};
use imp_storage::{StorageError, Transaction, on};
use uuid::Uuid;

use super::streams::{kinds, list};
use super::value::{instant, text};
use crate::stream::Receiver;

/// Who holds a token for streams of its own.
#[derive(Debug)]
pub struct Receivers<'a>(pub(super) &'a mut Transaction);

#[derive(sqlx::FromRow)]
struct ReceiverRow {
    receiver_id: Uuid,
    receiver_name: String,
    audience: String,
    allowed_kinds: String,
    admitted_at: i64,
}

impl TryFrom<ReceiverRow> for Receiver {
    type Error = StorageError;

    fn try_from(row: ReceiverRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.receiver_id.into(),
            name: text("receivers.receiver_name", &row.receiver_name)?,
            audience: row.audience,
            kinds: kinds("receivers.allowed_kinds", &row.allowed_kinds)?,
            admitted_at: instant("receivers.admitted_at", row.admitted_at)?,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT receiver_id, receiver_name, audience, allowed_kinds, admitted_at FROM receivers ",
            $rest
        )
    };
}

impl Receivers<'_> {
    /// Adds a receiver with its token's digest.
    pub async fn add(&mut self, receiver: &Receiver, token: Digest) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO receivers (receiver_id, receiver_name, receiver_token, audience, \
            allowed_kinds, admitted_at) VALUES ($1, $2, $3, $4, $5, $6)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(receiver.id.as_uuid())
            .bind(receiver.name.as_str())
            .bind(token.as_bytes().as_slice())
            .bind(receiver.audience.as_str())
            .bind(list(&receiver.kinds))
            .bind(to_micros(receiver.admitted_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Every receiver, by name. There are few.
    pub async fn all(&mut self) -> Result<Vec<Receiver>, StorageError> {
        const SQL: &str = select!("ORDER BY receiver_name");
        let rows: Vec<ReceiverRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).fetch_all(conn).await?);
        rows.into_iter().map(Receiver::try_from).collect()
    }

    /// One receiver.
    pub async fn find(&mut self, id: ReceiverId) -> Result<Option<Receiver>, StorageError> {
        const SQL: &str = select!("WHERE receiver_id = $1");
        let row: Option<ReceiverRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(Receiver::try_from).transpose()
    }

    /// The receiver that holds a token.
    pub async fn of_token(&mut self, token: Digest) -> Result<Option<Receiver>, StorageError> {
        const SQL: &str = select!("WHERE receiver_token = $1");
        let row: Option<ReceiverRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(token.as_bytes().as_slice())
            .fetch_optional(conn)
            .await?);
        row.map(Receiver::try_from).transpose()
    }

    /// Removes a receiver that has no stream any more.
    pub async fn delete(&mut self, id: ReceiverId) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM receivers WHERE receiver_id = $1";
        on!(self.0, |conn| sqlx::query(SQL).bind(id.as_uuid()).execute(conn).await.map(drop)?);
        Ok(())
    }
}
