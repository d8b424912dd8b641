//! `handovers`
use imp_identity::clock::to_micros;
use imp_identity::{Digest, InteractionId, SessionId};
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::value::instant;

/// One-time codes with which browsers take over the session of the desktop that they stand on.
#[derive(Debug)]
pub struct Handovers<'a>(pub(super) &'a mut Transaction);

/// What stands behind a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The digest of the code.
    pub code: Digest,
    /// What the browser was asked to do.
    pub interaction: InteractionId,
    /// The session that is handed over.
    pub session: SessionId,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

#[derive(Debug, sqlx::FromRow)]
struct HandoverRow {
    interaction_id: Uuid,
    session_id: Uuid,
    handover_expires_at: i64,
}

impl Handovers<'_> {
    /// Adds a code. Earlier ones for the same interaction no longer count.
    pub async fn add(&mut self, handover: &Handover) -> Result<(), StorageError> {
        const REMOVE: &str = "DELETE FROM handovers WHERE interaction_id = $1";
        const ADD: &str = "INSERT INTO handovers (handover_code, interaction_id, session_id, \
            handover_expires_at) VALUES ($1, $2, $3, $4)";
        on!(&mut *self.0, |conn| sqlx::query(REMOVE)
            .bind(handover.interaction.as_uuid())
            .execute(conn)
            .await
            .map(drop)?);
        on!(&mut *self.0, |conn| sqlx::query(ADD)
            .bind(handover.code.as_bytes().as_slice())
            .bind(handover.interaction.as_uuid())
            .bind(handover.session.as_uuid())
            .bind(to_micros(handover.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Removes a code, and says what stood behind it: whoever shows it first uses it up.
    pub async fn take(&mut self, code: Digest) -> Result<Option<Handover>, StorageError> {
        const SQL: &str = "DELETE FROM handovers WHERE handover_code = $1 \
            RETURNING interaction_id, session_id, handover_expires_at";
        let row: Option<HandoverRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(code.as_bytes().as_slice())
            .fetch_optional(conn)
            .await?);
        row.map(|row| {
            Ok(Handover {
                code,
                interaction: row.interaction_id.into(),
                session: row.session_id.into(),
                expires_at: instant("handovers.handover_expires_at", row.handover_expires_at)?,
            })
        })
        .transpose()
    }

    /// Removes the codes of a session that is no longer at its desktop.
    pub async fn remove_of_session(&mut self, session: SessionId) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM handovers WHERE session_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(session.as_uuid())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Removes those that no longer count; how many.
    pub async fn purge(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        const SQL: &str = "DELETE FROM handovers WHERE handover_expires_at <= $1";
        Ok(on!(self.0, |conn| sqlx::query(SQL)
            .bind(to_micros(now))
            .execute(conn)
            .await?
            .rows_affected()))
    }
}
