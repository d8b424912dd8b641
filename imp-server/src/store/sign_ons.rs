//! `sign_ons`
use imp_identity::clock::to_micros;
use imp_identity::sign_on::{SignOn, SignOnEnd};
use imp_identity::user::User;
use imp_identity::{CredentialId, Digest, SessionId, SignOnId, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction, limit, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::users::UserRow;
use super::value::{corrupt, instant, instant_if, text};

/// Browsers in which people are signed on, by the digest of their cookie.
#[derive(Debug)]
pub struct SignOns<'a>(pub(super) &'a mut Transaction);

#[derive(Debug, sqlx::FromRow)]
struct SignOnRow {
    sign_on_id: Uuid,
    user_id: Uuid,
    session_id: Option<Uuid>,
    workstation_id: Option<Uuid>,
    credential_id: Option<Uuid>,
    authentication: String,
    sign_on_opened_at: i64,
    sign_on_last_used_at: i64,
    sign_on_expires_at: i64,
    sign_on_ended_at: Option<i64>,
    sign_on_end: Option<String>,
}

#[derive(Debug, sqlx::FromRow)]
struct UserSignOnRow {
    #[sqlx(flatten)]
    sign_on: SignOnRow,
    #[sqlx(flatten)]
    user: UserRow,
}

impl TryFrom<SignOnRow> for SignOn {
    type Error = StorageError;

    fn try_from(row: SignOnRow) -> Result<Self, StorageError> {
        let authentication = serde_json::from_str(&row.authentication);
        let ended_at = instant_if("sign_ons.sign_on_ended_at", row.sign_on_ended_at)?;
        let end: Option<SignOnEnd> =
            row.sign_on_end.map(|end| text("sign_ons.sign_on_end", &end)).transpose()?;
        Ok(Self {
            id: row.sign_on_id.into(),
            user: row.user_id.into(),
            session: row.session_id.map(SessionId::from),
            workstation: row.workstation_id.map(WorkstationId::from),
            credential: row.credential_id.map(CredentialId::from),
            authentication: authentication.map_err(|_| corrupt("sign_ons.authentication"))?,
            opened_at: instant("sign_ons.sign_on_opened_at", row.sign_on_opened_at)?,
            last_used_at: instant("sign_ons.sign_on_last_used_at", row.sign_on_last_used_at)?,
            expires_at: instant("sign_ons.sign_on_expires_at", row.sign_on_expires_at)?,
            ended: ended_at.zip(end),
        })
    }
}

fn sign_ons(rows: Vec<SignOnRow>) -> Result<Vec<SignOn>, StorageError> {
    rows.into_iter().map(SignOn::try_from).collect()
}

fn authentication(sign_on: &SignOn) -> Result<String, StorageError> {
    serde_json::to_string(&sign_on.authentication).map_err(|_| corrupt("sign_ons.authentication"))
}

impl SignOns<'_> {
    /// Adds a sign-on.
    pub async fn add(&mut self, sign_on: &SignOn, cookie: Digest) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO sign_ons (sign_on_id, user_id, session_id, workstation_id, \
            credential_id, cookie, authentication, sign_on_opened_at, sign_on_last_used_at, \
            sign_on_expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let authentication = authentication(sign_on)?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(sign_on.id.as_uuid())
            .bind(sign_on.user.as_uuid())
            .bind(sign_on.session.map(SessionId::as_uuid))
            .bind(sign_on.workstation.map(WorkstationId::as_uuid))
            .bind(sign_on.credential.map(CredentialId::as_uuid))
            .bind(cookie.as_bytes().as_slice())
            .bind(&authentication)
            .bind(to_micros(sign_on.opened_at))
            .bind(to_micros(sign_on.last_used_at))
            .bind(to_micros(sign_on.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores everything of a sign-on but its cookie.
    pub async fn update(&mut self, sign_on: &SignOn) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE sign_ons SET session_id = $2, workstation_id = $3, \
            credential_id = $4, authentication = $5, sign_on_last_used_at = $6, \
            sign_on_expires_at = $7, sign_on_ended_at = $8, sign_on_end = $9 WHERE sign_on_id = $1";
        let authentication = authentication(sign_on)?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(sign_on.id.as_uuid())
            .bind(sign_on.session.map(SessionId::as_uuid))
            .bind(sign_on.workstation.map(WorkstationId::as_uuid))
            .bind(sign_on.credential.map(CredentialId::as_uuid))
            .bind(&authentication)
            .bind(to_micros(sign_on.last_used_at))
            .bind(to_micros(sign_on.expires_at))
            .bind(sign_on.ended.map(|(at, _)| to_micros(at)))
            .bind(sign_on.ended.map(|(_, reason)| reason.code()))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Gives a sign-on another cookie; the one before no longer counts.
    pub async fn set_cookie(&mut self, id: SignOnId, cookie: Digest) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE sign_ons SET cookie = $2 WHERE sign_on_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(cookie.as_bytes().as_slice())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One sign-on.
    pub async fn find(&mut self, id: SignOnId) -> Result<Option<SignOn>, StorageError> {
        const SQL: &str = "SELECT * FROM sign_ons WHERE sign_on_id = $1";
        let row: Option<SignOnRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(SignOn::try_from).transpose()
    }

    /// The sign-on of a cookie, whether it counts or not, and whose it is.
    pub async fn find_by_cookie(
        &mut self,
        cookie: Digest,
    ) -> Result<Option<(SignOn, User)>, StorageError> {
        const SQL: &str = "SELECT sign_ons.*, users.* FROM sign_ons \
            JOIN users ON users.user_id = sign_ons.user_id WHERE cookie = $1";
        let row: Option<UserSignOnRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(cookie.as_bytes().as_slice())
            .fetch_optional(conn)
            .await?);
        row.map(|row| Ok((row.sign_on.try_into()?, row.user.try_into()?))).transpose()
    }

    /// A desktop session's sign-ons that have not ended.
    pub async fn open_of_session(
        &mut self,
        session: SessionId,
    ) -> Result<Vec<SignOn>, StorageError> {
        const SQL: &str = "SELECT * FROM sign_ons \
            WHERE session_id = $1 AND sign_on_ended_at IS NULL ORDER BY sign_on_id";
        self.open(SQL, session.as_uuid()).await
    }

    /// A user's sign-ons that have not ended. They may be past their limits.
    pub async fn open_of_user(&mut self, user: UserId) -> Result<Vec<SignOn>, StorageError> {
        const SQL: &str = "SELECT * FROM sign_ons \
            WHERE user_id = $1 AND sign_on_ended_at IS NULL ORDER BY sign_on_id";
        self.open(SQL, user.as_uuid()).await
    }

    /// The sign-ons that a credential opened and that have not ended.
    pub async fn open_of_credential(
        &mut self,
        credential: CredentialId,
    ) -> Result<Vec<SignOn>, StorageError> {
        const SQL: &str = "SELECT * FROM sign_ons \
            WHERE credential_id = $1 AND sign_on_ended_at IS NULL ORDER BY sign_on_id";
        self.open(SQL, credential.as_uuid()).await
    }

    async fn open(&mut self, sql: &'static str, of: Uuid) -> Result<Vec<SignOn>, StorageError> {
        let rows: Vec<SignOnRow> =
            on!(self.0, |conn| sqlx::query_as(sql).bind(of).fetch_all(conn).await?);
        sign_ons(rows)
    }

    /// Sign-ons that have reached a limit: at `now`, or unused since `idle_since`.
    pub async fn expired(
        &mut self,
        now: Timestamp,
        idle_since: Timestamp,
        asked: u32,
    ) -> Result<Vec<SignOn>, StorageError> {
        const SQL: &str = "SELECT * FROM sign_ons WHERE sign_on_ended_at IS NULL \
            AND (sign_on_expires_at <= $1 OR sign_on_last_used_at <= $2) \
            ORDER BY sign_on_id LIMIT $3";
        let rows: Vec<SignOnRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(to_micros(now))
            .bind(to_micros(idle_since))
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        sign_ons(rows)
    }

    /// Removes those that ended before `before`; how many.
    pub async fn purge(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        const SQL: &str = "DELETE FROM sign_ons WHERE sign_on_ended_at < $1";
        Ok(on!(self.0, |conn| sqlx::query(SQL)
            .bind(to_micros(before))
            .execute(conn)
            .await?
            .rows_affected()))
    }
}

#[cfg(test)]
mod tests;
