//! `taps`
use imp_identity::clock::to_micros;
use imp_identity::tap::{Outcome, Tap};
use imp_identity::{PhoneId, SessionId, TapId, UserId};
use imp_storage::{StorageError, Transaction, on};
use uuid::Uuid;

use super::value::{corrupt, instant, text};

/// Taps and their outcomes.
#[derive(Debug)]
pub struct Taps<'a>(pub(super) &'a mut Transaction);

#[derive(Debug, sqlx::FromRow)]
struct TapRow {
    tap_id: Uuid,
    workstation_id: Uuid,
    phone_id: Option<Uuid>,
    user_id: Option<Uuid>,
    purpose: String,
    decided_at: i64,
    outcome: String,
    session_id: Option<Uuid>,
    reason: Option<String>,
}

impl TryFrom<TapRow> for Tap {
    type Error = StorageError;

    fn try_from(row: TapRow) -> Result<Self, StorageError> {
        let reason = row.reason.as_deref().unwrap_or_default();
        let outcome = match (row.outcome.as_str(), row.session_id) {
            ("accepted", Some(session)) => Outcome::Accepted { session: session.into() },
            ("refused", None) => Outcome::Refused { reason: text("taps.reason", reason)? },
            ("abandoned", None) => Outcome::Abandoned { reason: text("taps.reason", reason)? },
            (_, _) => return Err(corrupt("taps.outcome")),
        };
        Ok(Self {
            id: row.tap_id.into(),
            workstation: row.workstation_id.into(),
            phone: row.phone_id.map(PhoneId::from),
            user: row.user_id.map(UserId::from),
            purpose: text("taps.purpose", &row.purpose)?,
            at: instant("taps.decided_at", row.decided_at)?,
            outcome,
        })
    }
}

impl Taps<'_> {
    /// Adds a decided tap; a unique violation when it was decided before.
    pub async fn add(&mut self, tap: &Tap) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO taps (tap_id, workstation_id, phone_id, user_id, purpose, \
            decided_at, outcome, session_id, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let (outcome, session, reason) = match tap.outcome {
            Outcome::Accepted { session } => ("accepted", Some(session), None),
            Outcome::Refused { reason } => ("refused", None, Some(reason.code())),
            Outcome::Abandoned { reason } => ("abandoned", None, Some(reason.code())),
        };
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(tap.id.as_uuid())
            .bind(tap.workstation.as_uuid())
            .bind(tap.phone.map(PhoneId::as_uuid))
            .bind(tap.user.map(UserId::as_uuid))
            .bind(tap.purpose.code())
            .bind(to_micros(tap.at))
            .bind(outcome)
            .bind(session.map(SessionId::as_uuid))
            .bind(reason)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One tap.
    pub async fn find(&mut self, id: TapId) -> Result<Option<Tap>, StorageError> {
        const SQL: &str = "SELECT * FROM taps WHERE tap_id = $1";
        let row: Option<TapRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(Tap::try_from).transpose()
    }

    /// Deletes a tap: its record was erased.
    pub async fn forget(&mut self, id: TapId) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM taps WHERE tap_id = $1";
        on!(self.0, |conn| sqlx::query(SQL).bind(id.as_uuid()).execute(conn).await.map(drop)?);
        Ok(())
    }

    /// A user's latest taps, newest first, at most `limit`.
    pub async fn of_user(&mut self, user: UserId, limit: u32) -> Result<Vec<Tap>, StorageError> {
        const SQL: &str = "SELECT * FROM taps WHERE user_id = $1 \
            ORDER BY decided_at DESC, tap_id DESC LIMIT $2";
        let rows: Vec<TapRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(user.as_uuid())
            .bind(imp_storage::limit(limit))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Tap::try_from).collect()
    }
}
