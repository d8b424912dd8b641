//! `authorization_codes` and `refresh_tokens`
use imp_identity::clock::to_micros;
use imp_identity::{Digest, GrantId};
use imp_oauth::token::CodeBinding;
use imp_storage::{StorageError, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Grants, key};
use crate::store::value::{corrupt, instant, instant_if};

const BINDING: &str = "authorization_codes.binding";

/// A code that stands for a grant once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// For what it stands.
    pub grant: GrantId,
    /// What it is bound to.
    pub binding: CodeBinding,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

/// A token that stands for a grant once, and is replaced by another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// For what it stands.
    pub grant: GrantId,
    /// The key or certificate that it is bound to, in JSON (`cnf`, RFC 7800).
    pub confirmation: Option<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct CodeRow {
    grant_id: Uuid,
    binding: String,
    code_used_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct RefreshRow {
    grant_id: Uuid,
    confirmation: Option<String>,
    refresh_issued_at: i64,
    refresh_expires_at: i64,
    refresh_used_at: Option<i64>,
}

impl TryFrom<CodeRow> for AuthorizationCode {
    type Error = StorageError;

    fn try_from(row: CodeRow) -> Result<Self, StorageError> {
        Ok(Self {
            grant: row.grant_id.into(),
            binding: serde_json::from_str(&row.binding).map_err(|_| corrupt(BINDING))?,
            used_at: instant_if("authorization_codes.code_used_at", row.code_used_at)?,
        })
    }
}

impl TryFrom<RefreshRow> for RefreshToken {
    type Error = StorageError;

    fn try_from(row: RefreshRow) -> Result<Self, StorageError> {
        Ok(Self {
            grant: row.grant_id.into(),
            confirmation: row.confirmation,
            issued_at: instant("refresh_tokens.refresh_issued_at", row.refresh_issued_at)?,
            expires_at: instant("refresh_tokens.refresh_expires_at", row.refresh_expires_at)?,
            used_at: instant_if("refresh_tokens.refresh_used_at", row.refresh_used_at)?,
        })
    }
}

impl Grants<'_> {
    /// Adds a code.
    pub async fn add_code(
        &mut self,
        digest: Digest,
        code: &AuthorizationCode,
    ) -> Result<(), StorageError> {
        const SQL: &str =
            "INSERT INTO authorization_codes (code, grant_id, binding) VALUES ($1, $2, $3)";
        let binding = serde_json::to_string(&code.binding).map_err(|_| corrupt(BINDING))?;
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(&digest))
            .bind(code.grant.as_uuid())
            .bind(binding)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The code of a digest.
    pub async fn find_code(
        &mut self,
        digest: Digest,
    ) -> Result<Option<AuthorizationCode>, StorageError> {
        const SQL: &str = "SELECT * FROM authorization_codes WHERE code = $1";
        let row: Option<CodeRow> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(key(&digest))
            .fetch_optional(conn)
            .await?);
        row.map(AuthorizationCode::try_from).transpose()
    }

    /// Uses a code. Answers whether nobody has before.
    pub async fn use_code(&mut self, digest: Digest, at: Timestamp) -> Result<bool, StorageError> {
        const SQL: &str = "UPDATE authorization_codes SET code_used_at = $2 WHERE code = $1 AND code_used_at IS NULL";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(&digest))
            .bind(to_micros(at))
            .execute(conn)
            .await?
            .rows_affected())
            > 0)
    }

    /// Adds a refresh token.
    pub async fn add_refresh(
        &mut self,
        digest: Digest,
        token: &RefreshToken,
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO refresh_tokens \
            (refresh_token, grant_id, confirmation, refresh_issued_at, refresh_expires_at) \
            VALUES ($1, $2, $3, $4, $5)";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(&digest))
            .bind(token.grant.as_uuid())
            .bind(token.confirmation.as_deref())
            .bind(to_micros(token.issued_at))
            .bind(to_micros(token.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The refresh token of a digest.
    pub async fn find_refresh(
        &mut self,
        digest: Digest,
    ) -> Result<Option<RefreshToken>, StorageError> {
        const SQL: &str = "SELECT * FROM refresh_tokens WHERE refresh_token = $1";
        let row: Option<RefreshRow> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(key(&digest))
            .fetch_optional(conn)
            .await?);
        row.map(RefreshToken::try_from).transpose()
    }

    /// Uses a refresh token. Answers whether nobody has before.
    pub async fn use_refresh(
        &mut self,
        digest: Digest,
        at: Timestamp,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "UPDATE refresh_tokens SET refresh_used_at = $2 \
            WHERE refresh_token = $1 AND refresh_used_at IS NULL";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key(&digest))
            .bind(to_micros(at))
            .execute(conn)
            .await?
            .rows_affected())
            > 0)
    }
}
