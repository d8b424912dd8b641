//! `challenges`
use imp_identity::challenge::Challenge;
use imp_identity::clock::to_micros;
use imp_identity::{Digest, TapId};
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::value::{digest, instant, instant_if, text};

/// Challenges that may be answered.
#[derive(Debug)]
pub struct Challenges<'a>(pub(super) &'a mut Transaction);

/// How a challenge was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Digest of the two statements.
    pub submission: Digest,
    /// The receipt, when the tap was accepted.
    pub receipt: Option<Vec<u8>>,
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct ChallengeRow {
    challenge_id: Uuid,
    tap_id: Uuid,
    nonce: Vec<u8>,
    challenge_workstation_id: Uuid,
    challenge_phone_id: Uuid,
    purpose: String,
    challenge_expires_at: i64,
    challenge_used_at: Option<i64>,
    submission: Option<Vec<u8>>,
    tap_receipt: Option<Vec<u8>>,
}

impl ChallengeRow {
    pub(super) fn answer(&mut self) -> Result<Option<Answer>, StorageError> {
        let Some(submission) = self.submission.take() else { return Ok(None) };
        let submission = digest("challenges.submission", &submission)?;
        Ok(Some(Answer { submission, receipt: self.tap_receipt.take() }))
    }
}

impl TryFrom<ChallengeRow> for Challenge {
    type Error = StorageError;

    fn try_from(row: ChallengeRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.challenge_id.into(),
            tap: row.tap_id.into(),
            nonce: digest("challenges.nonce", &row.nonce)?,
            workstation: row.challenge_workstation_id.into(),
            phone: row.challenge_phone_id.into(),
            purpose: text("challenges.purpose", &row.purpose)?,
            expires_at: instant("challenges.challenge_expires_at", row.challenge_expires_at)?,
            used_at: instant_if("challenges.challenge_used_at", row.challenge_used_at)?,
        })
    }
}

impl Challenges<'_> {
    /// Adds a challenge.
    pub async fn add(&mut self, challenge: &Challenge) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO challenges (challenge_id, tap_id, nonce, \
            challenge_workstation_id, challenge_phone_id, purpose, challenge_expires_at, \
            challenge_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(challenge.id.as_uuid())
            .bind(challenge.tap.as_uuid())
            .bind(challenge.nonce.as_bytes().as_slice())
            .bind(challenge.workstation.as_uuid())
            .bind(challenge.phone.as_uuid())
            .bind(challenge.purpose.code())
            .bind(to_micros(challenge.expires_at))
            .bind(challenge.used_at.map(to_micros))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The challenge of a tap.
    pub async fn find(&mut self, tap: TapId) -> Result<Option<Challenge>, StorageError> {
        const SQL: &str = "SELECT * FROM challenges WHERE tap_id = $1";
        let row: Option<ChallengeRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(tap.as_uuid())
            .fetch_optional(conn)
            .await?);
        row.map(Challenge::try_from).transpose()
    }

    /// The challenge with a nonce, by the nonce's digest.
    pub async fn find_by_nonce(
        &mut self,
        nonce: Digest,
    ) -> Result<Option<Challenge>, StorageError> {
        const SQL: &str = "SELECT * FROM challenges WHERE nonce = $1";
        let row: Option<ChallengeRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(nonce.as_bytes().as_slice())
            .fetch_optional(conn)
            .await?);
        row.map(Challenge::try_from).transpose()
    }

    /// Uses up the challenge of a tap, with what answered it if something did.
    pub async fn answer(
        &mut self,
        tap: TapId,
        answer: Option<&Answer>,
        at: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE challenges SET challenge_used_at = $2, submission = $3, \
            tap_receipt = $4 WHERE tap_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(tap.as_uuid())
            .bind(to_micros(at))
            .bind(answer.map(|answer| answer.submission.as_bytes().as_slice()))
            .bind(answer.and_then(|answer| answer.receipt.as_deref()))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Deletes the receipt of a tap: it holds the record, which was erased.
    pub async fn forget_receipt(&mut self, tap: TapId) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE challenges SET tap_receipt = NULL WHERE tap_id = $1";
        on!(self.0, |conn| sqlx::query(SQL).bind(tap.as_uuid()).execute(conn).await.map(drop)?);
        Ok(())
    }

    /// Removes the challenges that expired before an instant; how many.
    pub async fn purge(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        const SQL: &str = "DELETE FROM challenges WHERE challenge_expires_at < $1";
        Ok(on!(self.0, |conn| sqlx::query(SQL)
            .bind(to_micros(before))
            .execute(conn)
            .await?
            .rows_affected()))
    }
}
