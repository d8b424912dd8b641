//! `device_approvals`
use imp_identity::clock::to_micros;
use imp_identity::device::{Approval, Decision};
use imp_identity::{ApprovalId, DeviceId};
use imp_storage::{StorageError, Transaction, limit, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::devices::{read_actor, write_actor};
use super::value::{corrupt, digest, instant, text};

/// Enrolments of devices that wait, or waited, for a second person.
#[derive(Debug)]
pub struct Approvals<'a>(pub(super) &'a mut Transaction);

#[derive(Debug, sqlx::FromRow)]
struct ApprovalRow {
    approval_id: Uuid,
    device_id: Uuid,
    approval_means: String,
    approval_key: Vec<u8>,
    approval_asked_at: i64,
    approved: Option<bool>,
    approval_decided_by: Option<String>,
    approval_decided_at: Option<i64>,
    approval_until: Option<i64>,
}

impl TryFrom<ApprovalRow> for Approval {
    type Error = StorageError;

    fn try_from(row: ApprovalRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.approval_id.into(),
            device: row.device_id.into(),
            means: text("device_approvals.approval_means", &row.approval_means)?,
            key: digest("device_approvals.approval_key", &row.approval_key)?,
            asked_at: instant("device_approvals.approval_asked_at", row.approval_asked_at)?,
            decision: decision(&row)?,
        })
    }
}

fn decision(row: &ApprovalRow) -> Result<Decision, StorageError> {
    let Some(approved) = row.approved else { return Ok(Decision::Open) };
    let missing = || corrupt("device_approvals.approval_decided_by");
    let by = row.approval_decided_by.as_deref().ok_or_else(missing)?;
    let by = read_actor("device_approvals.approval_decided_by", by)?;
    let at = row.approval_decided_at.ok_or_else(missing)?;
    let at = instant("device_approvals.approval_decided_at", at)?;
    if !approved {
        return Ok(Decision::Rejected { by, at });
    }
    let until = row.approval_until.ok_or_else(missing)?;
    Ok(Decision::Approved { by, at, until: instant("device_approvals.approval_until", until)? })
}

impl Approvals<'_> {
    /// Adds a request.
    pub async fn add(&mut self, approval: &Approval) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO device_approvals (approval_id, device_id, approval_means, \
            approval_key, approval_asked_at) VALUES ($1, $2, $3, $4, $5)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(approval.id.as_uuid())
            .bind(approval.device.as_uuid())
            .bind(approval.means.code())
            .bind(approval.key.as_bytes().as_slice())
            .bind(to_micros(approval.asked_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores what became of a request.
    pub async fn decide(&mut self, approval: &Approval) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE device_approvals SET approved = $2, approval_decided_by = $3, \
            approval_decided_at = $4, approval_until = $5 WHERE approval_id = $1";
        let (approved, by, at, until) = match &approval.decision {
            Decision::Open => return Ok(()),
            Decision::Approved { by, at, until } => (true, by, *at, Some(*until)),
            Decision::Rejected { by, at } => (false, by, *at, None),
        };
        let by = write_actor("device_approvals.approval_decided_by", by)?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(approval.id.as_uuid())
            .bind(approved)
            .bind(&by)
            .bind(to_micros(at))
            .bind(until.map(to_micros))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Ends what was approved of a device: it must be approved anew.
    pub async fn end(&mut self, device: DeviceId, now: Timestamp) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE device_approvals SET approval_until = $2 \
            WHERE device_id = $1 AND approval_until > $2";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(device.as_uuid())
            .bind(to_micros(now))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One request.
    pub async fn find(&mut self, id: ApprovalId) -> Result<Option<Approval>, StorageError> {
        const SQL: &str = "SELECT * FROM device_approvals WHERE approval_id = $1";
        let row: Option<ApprovalRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(Approval::try_from).transpose()
    }

    /// The requests of a device, the latest first; the latest 100.
    pub async fn of(&mut self, device: DeviceId) -> Result<Vec<Approval>, StorageError> {
        const SQL: &str = "SELECT * FROM device_approvals WHERE device_id = $1 \
            ORDER BY approval_asked_at DESC, approval_id DESC LIMIT 100";
        let rows: Vec<ApprovalRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(device.as_uuid()).fetch_all(conn).await?);
        rows.into_iter().map(Approval::try_from).collect()
    }

    /// The requests that nobody has decided, the oldest first.
    pub async fn open(&mut self, asked: u32) -> Result<Vec<Approval>, StorageError> {
        const SQL: &str = "SELECT * FROM device_approvals WHERE approved IS NULL \
            ORDER BY approval_asked_at, approval_id LIMIT $1";
        let rows: Vec<ApprovalRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(limit(asked)).fetch_all(conn).await?);
        rows.into_iter().map(Approval::try_from).collect()
    }
}
