//! `enrolments`
use imp_identity::clock::to_micros;
use imp_identity::enrolment::{Enrolment, State};
use imp_identity::{Digest, EnrolmentId};
use imp_storage::{StorageError, Transaction, on};
use uuid::Uuid;

use super::value::{digest, instant, instant_if};

/// Supervised enrolments.
#[derive(Debug)]
pub struct Enrolments<'a>(pub(super) &'a mut Transaction);

/// How an enrolment was completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// Digest of the phone's statement.
    pub statement: Digest,
    /// The receipt that was answered.
    pub receipt: Vec<u8>,
}

#[derive(Debug, sqlx::FromRow)]
struct EnrolmentRow {
    enrolment_id: Uuid,
    user_id: Uuid,
    officer_id: Uuid,
    workstation_id: Uuid,
    phone_id: Uuid,
    notice: String,
    enrolment_opened_at: i64,
    enrolment_expires_at: i64,
    completed_at: Option<i64>,
    confirmation: Option<Vec<u8>>,
    enrolment_receipt: Option<Vec<u8>>,
}

impl EnrolmentRow {
    fn confirmation(&mut self) -> Result<Option<Confirmation>, StorageError> {
        let (Some(statement), Some(receipt)) =
            (self.confirmation.take(), self.enrolment_receipt.take())
        else {
            return Ok(None);
        };
        let statement = digest("enrolments.confirmation", &statement)?;
        Ok(Some(Confirmation { statement, receipt }))
    }
}

impl TryFrom<EnrolmentRow> for Enrolment {
    type Error = StorageError;

    fn try_from(row: EnrolmentRow) -> Result<Self, StorageError> {
        let completed = instant_if("enrolments.completed_at", row.completed_at)?;
        Ok(Self {
            id: row.enrolment_id.into(),
            user: row.user_id.into(),
            officer: row.officer_id.into(),
            workstation: row.workstation_id.into(),
            phone: row.phone_id.into(),
            notice: row.notice,
            opened_at: instant("enrolments.enrolment_opened_at", row.enrolment_opened_at)?,
            expires_at: instant("enrolments.enrolment_expires_at", row.enrolment_expires_at)?,
            state: completed.map_or(State::Open, |at| State::Completed { at }),
        })
    }
}

impl Enrolments<'_> {
    /// Adds an enrolment that was just opened.
    pub async fn add(&mut self, enrolment: &Enrolment) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO enrolments (enrolment_id, user_id, officer_id, \
            workstation_id, phone_id, notice, enrolment_opened_at, enrolment_expires_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(enrolment.id.as_uuid())
            .bind(enrolment.user.as_uuid())
            .bind(enrolment.officer.as_uuid())
            .bind(enrolment.workstation.as_uuid())
            .bind(enrolment.phone.as_uuid())
            .bind(&enrolment.notice)
            .bind(to_micros(enrolment.opened_at))
            .bind(to_micros(enrolment.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores that it is complete, and how.
    pub async fn complete(
        &mut self,
        enrolment: &Enrolment,
        confirmation: &Confirmation,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE enrolments SET completed_at = $2, confirmation = $3, \
            enrolment_receipt = $4 WHERE enrolment_id = $1";
        let completed_at = match enrolment.state {
            State::Open => None,
            State::Completed { at } => Some(to_micros(at)),
        };
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(enrolment.id.as_uuid())
            .bind(completed_at)
            .bind(confirmation.statement.as_bytes().as_slice())
            .bind(&confirmation.receipt)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Deletes the receipt of an enrolment: it holds the record, which was erased.
    pub async fn forget_receipt(&mut self, id: EnrolmentId) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE enrolments SET enrolment_receipt = NULL WHERE enrolment_id = $1";
        on!(self.0, |conn| sqlx::query(SQL).bind(id.as_uuid()).execute(conn).await.map(drop)?);
        Ok(())
    }

    /// One enrolment, and how it was completed.
    pub async fn find(
        &mut self,
        id: EnrolmentId,
    ) -> Result<Option<(Enrolment, Option<Confirmation>)>, StorageError> {
        const SQL: &str = "SELECT * FROM enrolments WHERE enrolment_id = $1";
        let row: Option<EnrolmentRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(|mut row| {
            let confirmation = row.confirmation()?;
            Ok((Enrolment::try_from(row)?, confirmation))
        })
        .transpose()
    }
}
