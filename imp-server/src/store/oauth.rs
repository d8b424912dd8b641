//! What the OpenID provider keeps for a short time: pushed requests, devices that wait, tokens that may be shown once,
//! access tokens that were given back; and what users consented to.
use imp_identity::clock::to_micros;
use imp_identity::{ClientId, Digest, GrantId, UserId};
use imp_oauth::Scope;
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::grants::{key, scope};
use super::value::{corrupt, instant, instant_if};

const RESOURCES: &str = "device_codes.resources";

/// What is kept for a short time.
#[derive(Debug)]
pub struct Oauth<'a>(pub(super) &'a mut Transaction);

/// A device that waits for somebody to enter a code (RFC 8628).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCode {
    /// The digest of what the device polls with.
    pub digest: Digest,
    /// What somebody enters.
    pub user_code: String,
    /// The application on the device.
    pub client: ClientId,
    /// What it asks for.
    pub scope: Scope,
    /// For which resources.
    pub resources: Vec<String>,
    /// First instant at which the code no longer counts.
    pub expires_at: Timestamp,
    /// When it polled last.
    pub polled_at: Option<Timestamp>,
    /// How long it has to wait between polls, in seconds.
    pub interval: u32,
    /// What came of it.
    pub state: DeviceState,
}

/// What came of a device's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Nobody has entered the code.
    Waiting,
    /// Somebody signed on and agreed.
    Granted(GrantId),
    /// Somebody refused.
    Refused,
    /// The device has its tokens.
    Redeemed(GrantId),
}

impl DeviceState {
    const fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Granted(_) => "granted",
            Self::Refused => "refused",
            Self::Redeemed(_) => "redeemed",
        }
    }

    const fn grant(self) -> Option<GrantId> {
        match self {
            Self::Granted(grant) | Self::Redeemed(grant) => Some(grant),
            Self::Waiting | Self::Refused => None,
        }
    }
}

#[derive(sqlx::FromRow)]
struct DeviceRow {
    device_code: Vec<u8>,
    user_code: String,
    client_id: Uuid,
    scopes: String,
    resources: String,
    device_expires_at: i64,
    polled_at: Option<i64>,
    poll_seconds: i64,
    device_state: String,
    grant_id: Option<Uuid>,
}

impl TryFrom<DeviceRow> for DeviceCode {
    type Error = StorageError;

    fn try_from(row: DeviceRow) -> Result<Self, StorageError> {
        let state = match (row.device_state.as_str(), row.grant_id) {
            ("waiting", None) => DeviceState::Waiting,
            ("refused", None) => DeviceState::Refused,
            ("granted", Some(grant)) => DeviceState::Granted(grant.into()),
            ("redeemed", Some(grant)) => DeviceState::Redeemed(grant.into()),
            _ => return Err(corrupt("device_codes.device_state")),
        };
        Ok(Self {
            digest: Digest::try_from(row.device_code.as_slice())
                .map_err(|_| corrupt("device_codes.device_code"))?,
            user_code: row.user_code,
            client: row.client_id.into(),
            scope: scope("device_codes.scopes", &row.scopes)?,
            resources: serde_json::from_str(&row.resources).map_err(|_| corrupt(RESOURCES))?,
            expires_at: instant("device_codes.device_expires_at", row.device_expires_at)?,
            polled_at: instant_if("device_codes.polled_at", row.polled_at)?,
            interval: u32::try_from(row.poll_seconds)
                .map_err(|_| corrupt("device_codes.poll_seconds"))?,
            state,
        })
    }
}

impl Oauth<'_> {
    /// Keeps a pushed request (RFC 9126), in JSON.
    pub async fn push(
        &mut self,
        digest: Digest,
        client: ClientId,
        request: &str,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO pushed_requests (request_uri, client_id, request, pushed_expires_at) \
            VALUES ($1, $2, $3, $4)";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(&digest))
            .bind(client.as_uuid())
            .bind(request)
            .bind(to_micros(expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// A client's pushed request that has not expired.
    pub async fn find_pushed(
        &mut self,
        digest: Digest,
        client: ClientId,
        now: Timestamp,
    ) -> Result<Option<String>, StorageError> {
        const SQL: &str = "SELECT request FROM pushed_requests \
            WHERE request_uri = $1 AND client_id = $2 AND pushed_expires_at > $3";
        Ok(on!(&mut *self.0, |conn| sqlx::query_scalar(SQL)
            .bind(key(&digest))
            .bind(client.as_uuid())
            .bind(to_micros(now))
            .fetch_optional(conn)
            .await?))
    }

    /// Removes a pushed request, which is used once. Answers whether it was there.
    pub async fn take_pushed(&mut self, digest: Digest) -> Result<bool, StorageError> {
        const SQL: &str = "DELETE FROM pushed_requests WHERE request_uri = $1";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(&digest))
            .execute(conn)
            .await?
            .rows_affected())
            > 0)
    }

    /// Remembers a token that may be shown once. Answers whether it was not shown before.
    pub async fn show_once(
        &mut self,
        digest: Digest,
        expires_at: Timestamp,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "INSERT INTO shown_tokens (token_digest, shown_expires_at) VALUES ($1, $2) \
            ON CONFLICT (token_digest) DO NOTHING";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(&digest))
            .bind(to_micros(expires_at))
            .execute(conn)
            .await?
            .rows_affected())
            > 0)
    }

    /// Remembers an access token that was given back.
    pub async fn revoke_token(
        &mut self,
        digest: Digest,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO revoked_access_tokens (token_digest, revoked_expires_at) \
            VALUES ($1, $2) ON CONFLICT (token_digest) DO NOTHING";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(&digest))
            .bind(to_micros(expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Whether an access token was given back.
    pub async fn is_token_revoked(&mut self, digest: Digest) -> Result<bool, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM revoked_access_tokens WHERE token_digest = $1";
        let found: i64 = on!(&mut *self.0, |conn| sqlx::query_scalar(SQL)
            .bind(key(&digest))
            .fetch_one(conn)
            .await?);
        Ok(found > 0)
    }

    /// Adds a device's request; a unique violation when its user code is another's.
    pub async fn add_device(&mut self, device: &DeviceCode) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO device_codes (device_code, user_code, client_id, scopes, resources, \
            device_expires_at, poll_seconds, device_state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let resources = serde_json::to_string(&device.resources).map_err(|_| corrupt(RESOURCES))?;
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(&device.digest))
            .bind(device.user_code.as_str())
            .bind(device.client.as_uuid())
            .bind(device.scope.to_string())
            .bind(resources)
            .bind(to_micros(device.expires_at))
            .bind(i64::from(device.interval))
            .bind(device.state.code())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The request of a device.
    pub async fn find_device(
        &mut self,
        digest: Digest,
    ) -> Result<Option<DeviceCode>, StorageError> {
        const SQL: &str = "SELECT * FROM device_codes WHERE device_code = $1";
        let row: Option<DeviceRow> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(key(&digest))
            .fetch_optional(conn)
            .await?);
        row.map(DeviceCode::try_from).transpose()
    }

    /// The request of the device that shows a code.
    pub async fn find_user_code(&mut self, code: &str) -> Result<Option<DeviceCode>, StorageError> {
        const SQL: &str = "SELECT * FROM device_codes WHERE user_code = $1";
        let row: Option<DeviceRow> =
            on!(&mut *self.0, |conn| sqlx::query_as(SQL).bind(code).fetch_optional(conn).await?);
        row.map(DeviceCode::try_from).transpose()
    }

    /// Stores when a device polled and how long it has to wait.
    pub async fn poll_device(
        &mut self,
        digest: Digest,
        at: Timestamp,
        interval: u32,
    ) -> Result<(), StorageError> {
        const SQL: &str =
            "UPDATE device_codes SET polled_at = $2, poll_seconds = $3 WHERE device_code = $1";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(&digest))
            .bind(to_micros(at))
            .bind(i64::from(interval))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Moves a device's request from one state to another. Answers whether it was in the first.
    pub async fn move_device(
        &mut self,
        digest: Digest,
        from: DeviceState,
        to: DeviceState,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "UPDATE device_codes SET device_state = $3, grant_id = $4 \
            WHERE device_code = $1 AND device_state = $2";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(&digest))
            .bind(from.code())
            .bind(to.code())
            .bind(to.grant().map(GrantId::as_uuid))
            .execute(conn)
            .await?
            .rows_affected())
            > 0)
    }

    /// The scopes that a user consented to for a client.
    pub async fn consented(
        &mut self,
        user: UserId,
        client: ClientId,
    ) -> Result<Scope, StorageError> {
        const SQL: &str = "SELECT scopes FROM consents WHERE user_id = $1 AND client_id = $2";
        let found: Option<String> = on!(&mut *self.0, |conn| sqlx::query_scalar(SQL)
            .bind(user.as_uuid())
            .bind(client.as_uuid())
            .fetch_optional(conn)
            .await?);
        scope("consents.scopes", found.as_deref().unwrap_or_default())
    }

    /// Stores what a user consents to, instead of what she did before.
    pub async fn consent(
        &mut self,
        user: UserId,
        client: ClientId,
        scope: &Scope,
        at: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO consents (user_id, client_id, scopes, consented_at) \
            VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, client_id) \
            DO UPDATE SET scopes = excluded.scopes, consented_at = excluded.consented_at";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(user.as_uuid())
            .bind(client.as_uuid())
            .bind(scope.to_string())
            .bind(to_micros(at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// To what a user consented, and when, by client.
    pub async fn consents(
        &mut self,
        user: UserId,
    ) -> Result<Vec<(ClientId, Scope, Timestamp)>, StorageError> {
        const SQL: &str = "SELECT client_id, scopes, consented_at FROM consents WHERE user_id = $1 \
            ORDER BY client_id";
        let rows: Vec<(Uuid, String, i64)> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(user.as_uuid())
            .fetch_all(conn)
            .await?);
        let consent = |(client, scopes, at): (Uuid, String, i64)| {
            let at = instant("consents.consented_at", at)?;
            Ok((client.into(), scope("consents.scopes", &scopes)?, at))
        };
        rows.into_iter().map(consent).collect()
    }

    /// Forgets what a user consented to for a client. Answers whether she had.
    pub async fn forget_consent(
        &mut self,
        user: UserId,
        client: ClientId,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "DELETE FROM consents WHERE user_id = $1 AND client_id = $2";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(user.as_uuid())
            .bind(client.as_uuid())
            .execute(conn)
            .await?
            .rows_affected())
            > 0)
    }

    /// Forgets what has expired.
    pub async fn purge(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        const SQL: [&str; 4] = [
            "DELETE FROM pushed_requests WHERE pushed_expires_at < $1",
            "DELETE FROM device_codes WHERE device_expires_at < $1",
            "DELETE FROM shown_tokens WHERE shown_expires_at < $1",
            "DELETE FROM revoked_access_tokens WHERE revoked_expires_at < $1",
        ];
        let mut forgotten = 0;
        for sql in SQL {
            forgotten += on!(&mut *self.0, |conn| sqlx::query(sql)
                .bind(to_micros(now))
                .execute(conn)
                .await?
                .rows_affected());
        }
        Ok(forgotten)
    }
}
