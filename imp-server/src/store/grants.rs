//! `grants` and the tokens that stand for them: authorization codes and refresh tokens.
use imp_identity::authentication::Authentication;
use imp_identity::clock::to_micros;
use imp_identity::grant::GrantEnd;
use imp_identity::{ClientId, Digest, GrantId, SessionId, SignOnId, UserId};
use imp_oauth::Scope;
use imp_oauth::authorize::ClaimsRequest;
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::value::{corrupt, instant, instant_if, text};

#[cfg(test)]
mod tests;
mod tokens;

pub use tokens::{AuthorizationCode, RefreshToken};

/// What applications were granted.
#[derive(Debug)]
pub struct Grants<'a>(pub(super) &'a mut Transaction);

/// What one application was granted in one user's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Names it.
    pub id: GrantId,
    /// To whom.
    pub client: ClientId,
    /// In whose name.
    pub user: UserId,
    /// The browser in which it was granted.
    pub sign_on: Option<SignOnId>,
    /// The desktop at which it was granted.
    pub session: Option<SessionId>,
    /// For what.
    pub scope: Scope,
    /// How the user was authenticated.
    pub authentication: Authentication,
    /// What else the application asked for.
    pub wishes: Wishes,
    /// Whether it outlives the sign-on (`offline_access`).
    pub offline: bool,
    /// When.
    pub granted_at: Timestamp,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
    /// When and why it ended.
    pub ended: Option<(Timestamp, GrantEnd)>,
}

/// What an application asked for, beside its scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// What binds the ID token to the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// For which resources (RFC 8707), unless for the client's usual ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// How sure it wants to be, in order of preference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<String>,
    /// Claims that it asked for one by one (OpenID Connect Core §5.5).
    #[serde(default, skip_serializing_if = "ClaimsRequest::is_empty")]
    pub claims: ClaimsRequest,
}

impl Grant {
    /// Whether it counts, as far as it says itself.
    pub fn counts(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.expires_at
    }
}

#[derive(sqlx::FromRow)]
struct GrantRow {
    grant_id: Uuid,
    client_id: Uuid,
    user_id: Uuid,
    sign_on_id: Option<Uuid>,
    session_id: Option<Uuid>,
    scopes: String,
    authentication: String,
    wishes: String,
    offline: bool,
    granted_at: i64,
    grant_expires_at: i64,
    grant_ended_at: Option<i64>,
    grant_end: Option<String>,
}

impl TryFrom<GrantRow> for Grant {
    type Error = StorageError;

    fn try_from(row: GrantRow) -> Result<Self, StorageError> {
        let ended = instant_if("grants.grant_ended_at", row.grant_ended_at)?;
        let reason = |at| {
            let end = row.grant_end.as_deref().unwrap_or_default();
            text("grants.grant_end", end).map(|reason| (at, reason))
        };
        Ok(Self {
            ended: ended.map(reason).transpose()?,
            id: row.grant_id.into(),
            client: row.client_id.into(),
            user: row.user_id.into(),
            sign_on: row.sign_on_id.map(Into::into),
            session: row.session_id.map(Into::into),
            scope: scope("grants.scopes", &row.scopes)?,
            authentication: serde_json::from_str(&row.authentication)
                .map_err(|_| corrupt("grants.authentication"))?,
            wishes: serde_json::from_str(&row.wishes).map_err(|_| corrupt("grants.wishes"))?,
            offline: row.offline,
            granted_at: instant("grants.granted_at", row.granted_at)?,
            expires_at: instant("grants.grant_expires_at", row.grant_expires_at)?,
        })
    }
}

/// A scope, which may be empty.
pub(super) fn scope(what: &'static str, stored: &str) -> Result<Scope, StorageError> {
    if stored.is_empty() { Ok(Scope::default()) } else { text(what, stored) }
}

impl Grants<'_> {
    /// Adds a grant.
    pub async fn add(&mut self, grant: &Grant) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO grants (grant_id, client_id, user_id, sign_on_id, session_id, scopes, \
            authentication, wishes, offline, granted_at, grant_expires_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let authentication = serde_json::to_string(&grant.authentication)
            .map_err(|_| corrupt("grants.authentication"))?;
        let wishes = serde_json::to_string(&grant.wishes).map_err(|_| corrupt("grants.wishes"))?;
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(grant.id.as_uuid())
            .bind(grant.client.as_uuid())
            .bind(grant.user.as_uuid())
            .bind(grant.sign_on.map(SignOnId::as_uuid))
            .bind(grant.session.map(SessionId::as_uuid))
            .bind(grant.scope.to_string())
            .bind(authentication)
            .bind(wishes)
            .bind(grant.offline)
            .bind(to_micros(grant.granted_at))
            .bind(to_micros(grant.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Ends a grant. Answers whether it had not ended before.
    pub async fn end(
        &mut self,
        id: GrantId,
        at: Timestamp,
        reason: GrantEnd,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "UPDATE grants SET grant_ended_at = $2, grant_end = $3 \
            WHERE grant_id = $1 AND grant_ended_at IS NULL";
        let ended = on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(to_micros(at))
            .bind(reason.code())
            .execute(conn)
            .await?
            .rows_affected());
        Ok(ended > 0)
    }

    /// One grant.
    pub async fn find(&mut self, id: GrantId) -> Result<Option<Grant>, StorageError> {
        const SQL: &str = "SELECT * FROM grants WHERE grant_id = $1";
        let row: Option<GrantRow> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(id.as_uuid())
            .fetch_optional(conn)
            .await?);
        row.map(Grant::try_from).transpose()
    }

    /// What has not ended of a client.
    pub async fn of_client(&mut self, id: ClientId) -> Result<Vec<Grant>, StorageError> {
        const SQL: &str = "SELECT * FROM grants WHERE client_id = $1 AND grant_ended_at IS NULL ORDER BY grant_id";
        self.all(SQL, id.as_uuid()).await
    }

    /// What has not ended in a user's name.
    pub async fn of_user(&mut self, id: UserId) -> Result<Vec<Grant>, StorageError> {
        const SQL: &str =
            "SELECT * FROM grants WHERE user_id = $1 AND grant_ended_at IS NULL ORDER BY grant_id";
        self.all(SQL, id.as_uuid()).await
    }

    /// What has not ended and was granted in a browser.
    pub async fn of_sign_on(&mut self, id: SignOnId) -> Result<Vec<Grant>, StorageError> {
        const SQL: &str = "SELECT * FROM grants WHERE sign_on_id = $1 AND grant_ended_at IS NULL ORDER BY grant_id";
        self.all(SQL, id.as_uuid()).await
    }

    /// What has not ended and was granted at a desktop.
    pub async fn of_session(&mut self, id: SessionId) -> Result<Vec<Grant>, StorageError> {
        const SQL: &str = "SELECT * FROM grants WHERE session_id = $1 AND grant_ended_at IS NULL ORDER BY grant_id";
        self.all(SQL, id.as_uuid()).await
    }

    /// What has not ended and was granted in browsers that a desktop handed its session over to.
    pub async fn of_sign_ons_of(&mut self, id: SessionId) -> Result<Vec<Grant>, StorageError> {
        const SQL: &str = "SELECT * FROM grants WHERE grant_ended_at IS NULL AND sign_on_id IN \
            (SELECT sign_on_id FROM sign_ons WHERE session_id = $1) ORDER BY grant_id";
        self.all(SQL, id.as_uuid()).await
    }

    async fn all(&mut self, sql: &'static str, id: Uuid) -> Result<Vec<Grant>, StorageError> {
        let rows: Vec<GrantRow> =
            on!(&mut *self.0, |conn| sqlx::query_as(sql).bind(id).fetch_all(conn).await?);
        rows.into_iter().map(Grant::try_from).collect()
    }

    /// Deletes what expired before an instant, with its codes and tokens.
    pub async fn purge(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        const TOKENS: [&str; 3] = [
            "DELETE FROM authorization_codes WHERE grant_id IN (SELECT grant_id FROM grants WHERE grant_expires_at < $1)",
            "DELETE FROM refresh_tokens WHERE grant_id IN (SELECT grant_id FROM grants WHERE grant_expires_at < $1)",
            "DELETE FROM device_codes WHERE grant_id IN (SELECT grant_id FROM grants WHERE grant_expires_at < $1)",
        ];
        const SQL: &str = "DELETE FROM grants WHERE grant_expires_at < $1";
        for sql in TOKENS {
            on!(&mut *self.0, |conn| sqlx::query(sql)
                .bind(to_micros(before))
                .execute(conn)
                .await
                .map(drop)?);
        }
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(to_micros(before))
            .execute(conn)
            .await?
            .rows_affected()))
    }
}

/// A digest as it is stored.
pub(super) fn key(digest: &Digest) -> &[u8] {
    digest.as_bytes().as_slice()
}
