//! `emergencies`
use imp_identity::clock::to_micros;
use imp_identity::emergency::{Emergency, Review};
use imp_identity::name::Username;
use imp_identity::{SessionId, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::value::{corrupt, instant, text};

/// Entries in emergencies.
#[derive(Debug)]
pub struct Emergencies<'a>(pub(super) &'a mut Transaction);

#[derive(Debug, sqlx::FromRow)]
struct EmergencyRow {
    session_id: Uuid,
    user_id: Uuid,
    workstation_id: Uuid,
    emergency_reason: String,
    emergency_second: Option<Uuid>,
    emergency_at: i64,
    emergency_review_by: i64,
    emergency_reviewed_at: Option<i64>,
    emergency_reviewer: Option<Uuid>,
    emergency_justified: Option<bool>,
    emergency_remark: Option<String>,
}

impl EmergencyRow {
    fn review(&self) -> Result<Option<Review>, StorageError> {
        let Some(at) = self.emergency_reviewed_at else { return Ok(None) };
        let missing = || corrupt("emergencies.emergency_justified");
        Ok(Some(Review {
            at: instant("emergencies.emergency_reviewed_at", at)?,
            reviewer: self.emergency_reviewer.map(UserId::from),
            justified: self.emergency_justified.ok_or_else(missing)?,
            remark: text(
                "emergencies.emergency_remark",
                self.emergency_remark.as_deref().unwrap_or_default(),
            )?,
        }))
    }
}

impl TryFrom<EmergencyRow> for Emergency {
    type Error = StorageError;

    fn try_from(row: EmergencyRow) -> Result<Self, StorageError> {
        Ok(Self {
            review: row.review()?,
            session: row.session_id.into(),
            user: row.user_id.into(),
            workstation: row.workstation_id.into(),
            reason: text("emergencies.emergency_reason", &row.emergency_reason)?,
            second: row.emergency_second.map(UserId::from),
            at: instant("emergencies.emergency_at", row.emergency_at)?,
            review_by: instant("emergencies.emergency_review_by", row.emergency_review_by)?,
        })
    }
}

impl Emergencies<'_> {
    /// Adds an entry.
    pub async fn add(&mut self, emergency: &Emergency) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO emergencies (session_id, user_id, workstation_id, \
            emergency_reason, emergency_second, emergency_at, emergency_review_by) \
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(emergency.session.as_uuid())
            .bind(emergency.user.as_uuid())
            .bind(emergency.workstation.as_uuid())
            .bind(emergency.reason.as_str())
            .bind(emergency.second.map(UserId::as_uuid))
            .bind(to_micros(emergency.at))
            .bind(to_micros(emergency.review_by))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores its review.
    pub async fn update(&mut self, emergency: &Emergency) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE emergencies SET emergency_reviewed_at = $2, \
            emergency_reviewer = $3, emergency_justified = $4, emergency_remark = $5 \
            WHERE session_id = $1";
        let review = emergency.review.as_ref();
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(emergency.session.as_uuid())
            .bind(review.map(|review| to_micros(review.at)))
            .bind(review.and_then(|review| review.reviewer).map(UserId::as_uuid))
            .bind(review.map(|review| review.justified))
            .bind(review.map(|review| review.remark.as_str()))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One entry, by its session.
    pub async fn find(&mut self, session: SessionId) -> Result<Option<Emergency>, StorageError> {
        const SQL: &str = "SELECT * FROM emergencies WHERE session_id = $1";
        let row: Option<EmergencyRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(session.as_uuid())
            .fetch_optional(conn)
            .await?);
        row.map(Emergency::try_from).transpose()
    }

    /// Somebody asks to be let in at a workstation. Who asked there before no longer does.
    pub async fn ask(
        &mut self,
        workstation: WorkstationId,
        username: &Username,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        const ADD: &str = "INSERT INTO emergency_requests (workstation_id, emergency_username, \
            emergency_asked_at) VALUES ($1, $2, $3)";
        self.answer(workstation).await?;
        on!(self.0, |conn| sqlx::query(ADD)
            .bind(workstation.as_uuid())
            .bind(username.as_str())
            .bind(to_micros(now))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// When somebody of this name asked to be let in at a workstation, if she was the last who did.
    pub async fn asked(
        &mut self,
        workstation: WorkstationId,
        username: &Username,
    ) -> Result<Option<Timestamp>, StorageError> {
        const SQL: &str = "SELECT emergency_asked_at FROM emergency_requests \
            WHERE workstation_id = $1 AND emergency_username = $2";
        let asked: Option<i64> = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(workstation.as_uuid())
            .bind(username.as_str())
            .fetch_optional(conn)
            .await?);
        asked.map(|at| instant("emergency_requests.emergency_asked_at", at)).transpose()
    }

    /// Nobody waits at a workstation any more.
    pub async fn answer(&mut self, workstation: WorkstationId) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM emergency_requests WHERE workstation_id = $1";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(workstation.as_uuid())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Entries that nobody has reviewed, the most urgent first, at most `limit`.
    pub async fn owed(&mut self, limit: u32) -> Result<Vec<Emergency>, StorageError> {
        const SQL: &str = "SELECT * FROM emergencies WHERE emergency_reviewed_at IS NULL \
            ORDER BY emergency_review_by, session_id LIMIT $1";
        let rows: Vec<EmergencyRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(imp_storage::limit(limit))
            .fetch_all(conn)
            .await?);
        rows.into_iter().map(Emergency::try_from).collect()
    }

    /// Deletes what an entry and its review say: its record was erased.
    pub async fn forget(&mut self, session: SessionId) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM emergencies WHERE session_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(session.as_uuid())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }
}
