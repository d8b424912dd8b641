//! `workstations`
use imp_identity::clock::to_micros;
use imp_identity::invitation::Invitation;
use imp_identity::name::Label;
use imp_identity::workstation::{State, Workstation};
use imp_identity::{Digest, WorkstationId};
use imp_storage::{Page, StorageError, Transaction, limit, on};
use uuid::Uuid;

use super::value::{corrupt, digest, instant, text};

/// Workstations.
#[derive(Debug)]
pub struct Workstations<'a>(pub(super) &'a mut Transaction);

#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
pub(super) struct WorkstationRow {
    workstation_id: Uuid,
    workstation_name: String,
    workstation_unit: Option<String>,
    workstation_site: Option<String>,
    workstation_code: Vec<u8>,
    workstation_code_expires_at: i64,
    workstation_key: Option<Vec<u8>>,
    workstation_enrolled_at: Option<i64>,
    workstation_revoked_at: Option<i64>,
    workstation_revocation: Option<String>,
}

impl WorkstationRow {
    fn invitation(&self) -> Result<Invitation, StorageError> {
        let expires_at = self.workstation_code_expires_at;
        Ok(Invitation {
            code: digest("workstations.workstation_code", &self.workstation_code)?,
            expires_at: instant("workstations.workstation_code_expires_at", expires_at)?,
        })
    }

    fn state(&mut self) -> Result<State, StorageError> {
        if let Some(at) = self.workstation_revoked_at {
            let reason = self.workstation_revocation.as_deref().unwrap_or_default();
            return Ok(State::Revoked {
                at: instant("workstations.workstation_revoked_at", at)?,
                reason: text("workstations.workstation_revocation", reason)?,
            });
        }
        match (self.workstation_key.take(), self.workstation_enrolled_at) {
            (Some(public_key), Some(at)) => Ok(State::Enrolled {
                public_key,
                at: instant("workstations.workstation_enrolled_at", at)?,
            }),
            (None, None) => Ok(State::Invited(self.invitation()?)),
            (Some(_), None) | (None, Some(_)) => Err(corrupt("workstations.workstation_key")),
        }
    }
}

impl TryFrom<WorkstationRow> for Workstation {
    type Error = StorageError;

    fn try_from(mut row: WorkstationRow) -> Result<Self, StorageError> {
        let unit = row.workstation_unit.as_deref();
        let site = row.workstation_site.as_deref();
        Ok(Self {
            id: row.workstation_id.into(),
            name: text("workstations.workstation_name", &row.workstation_name)?,
            unit: unit.map(|unit| text("workstations.workstation_unit", unit)).transpose()?,
            site: site.map(|site| text("workstations.workstation_site", site)).transpose()?,
            state: row.state()?,
        })
    }
}

impl Workstations<'_> {
    /// Adds a workstation with the invitation that it may use.
    pub async fn add(
        &mut self,
        workstation: &Workstation,
        invitation: &Invitation,
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO workstations (workstation_id, workstation_name, \
            workstation_unit, workstation_site, workstation_code, workstation_code_expires_at) \
            VALUES ($1, $2, $3, $4, $5, $6)";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(workstation.id.as_uuid())
            .bind(workstation.name.as_str())
            .bind(workstation.unit.as_ref().map(Label::as_str))
            .bind(workstation.site.as_ref().map(Label::as_str))
            .bind(invitation.code.as_bytes().as_slice())
            .bind(to_micros(invitation.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        self.update(workstation).await
    }

    /// Stores its state. A revoked one keeps its key for the record.
    pub async fn update(&mut self, workstation: &Workstation) -> Result<(), StorageError> {
        const ENROLLED: &str = "UPDATE workstations SET workstation_key = $2, \
            workstation_enrolled_at = $3 WHERE workstation_id = $1";
        const REVOKED: &str = "UPDATE workstations SET workstation_revoked_at = $2, \
            workstation_revocation = $3 WHERE workstation_id = $1";
        let id = workstation.id.as_uuid();
        match &workstation.state {
            State::Invited(_) => {}
            State::Enrolled { public_key, at } => on!(self.0, |conn| sqlx::query(ENROLLED)
                .bind(id)
                .bind(public_key)
                .bind(to_micros(*at))
                .execute(conn)
                .await
                .map(drop)?),
            State::Revoked { at, reason } => on!(self.0, |conn| sqlx::query(REVOKED)
                .bind(id)
                .bind(to_micros(*at))
                .bind(reason.code())
                .execute(conn)
                .await
                .map(drop)?),
        }
        Ok(())
    }

    /// Stores where it stands.
    pub async fn place(&mut self, workstation: &Workstation) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE workstations SET workstation_unit = $2, workstation_site = $3 \
            WHERE workstation_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(workstation.id.as_uuid())
            .bind(workstation.unit.as_ref().map(Label::as_str))
            .bind(workstation.site.as_ref().map(Label::as_str))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One workstation.
    pub async fn find(&mut self, id: WorkstationId) -> Result<Option<Workstation>, StorageError> {
        const SQL: &str = "SELECT * FROM workstations WHERE workstation_id = $1";
        let row: Option<WorkstationRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(Workstation::try_from).transpose()
    }

    /// The workstations that count, and the units where they stand.
    pub async fn enrolled(&mut self) -> Result<Vec<(WorkstationId, Option<Label>)>, StorageError> {
        const SQL: &str = "SELECT workstation_id, workstation_unit FROM workstations \
            WHERE workstation_key IS NOT NULL AND workstation_revoked_at IS NULL \
            ORDER BY workstation_id";
        let rows: Vec<(Uuid, Option<String>)> =
            on!(&mut *self.0, |conn| sqlx::query_as(SQL).fetch_all(conn).await?);
        let read = |(id, unit): (Uuid, Option<String>)| {
            let unit = unit.map(|unit| text("workstations.workstation_unit", &unit)).transpose()?;
            Ok((id.into(), unit))
        };
        rows.into_iter().map(read).collect()
    }

    /// The workstation that was invited with a code, used or not, and the invitation.
    pub async fn find_by_code(
        &mut self,
        code: Digest,
    ) -> Result<Option<(Workstation, Invitation)>, StorageError> {
        const SQL: &str = "SELECT * FROM workstations WHERE workstation_code = $1";
        let row: Option<WorkstationRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(code.as_bytes().as_slice())
            .fetch_optional(conn)
            .await?);
        row.map(|row| {
            let invitation = row.invitation()?;
            Ok((Workstation::try_from(row)?, invitation))
        })
        .transpose()
    }

    /// The workstations after one, in the order of their making.
    pub async fn page(
        &mut self,
        after: Option<WorkstationId>,
        asked: u32,
    ) -> Result<Page<Workstation, WorkstationId>, StorageError> {
        const SQL: &str = "SELECT * FROM workstations WHERE workstation_id > $1 \
            ORDER BY workstation_id LIMIT $2";
        let after = after.map_or(Uuid::nil(), WorkstationId::as_uuid);
        let rows: Vec<WorkstationRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(after)
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        let found: Vec<_> =
            rows.into_iter().map(Workstation::try_from).collect::<Result<_, _>>()?;
        Ok(Page::new(found, asked, |workstation| workstation.id))
    }
}
