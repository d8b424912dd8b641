//! `sign_in_codes`, `access_tokens`
use imp_identity::clock::to_micros;
use imp_identity::user::User;
use imp_identity::{Digest, UserId};
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::users::UserRow;
use super::value::instant;

/// One-time codes and bearer tokens of people, by digest.
#[derive(Debug)]
pub struct SignIn<'a>(pub(super) &'a mut Transaction);

/// A one-time code that was not used yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInCodeRow {
    /// Whose it is; `None` for the administrator token of the first start.
    pub user: Option<UserId>,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

impl SignIn<'_> {
    /// Adds a code. Earlier ones of the same user, or earlier administrator tokens, are gone.
    pub async fn replace_code(
        &mut self,
        code: Digest,
        row: SignInCodeRow,
    ) -> Result<(), StorageError> {
        const REMOVE: &str = "DELETE FROM sign_in_codes \
            WHERE user_id = $1 OR (user_id IS NULL AND $1 IS NULL)";
        const ADD: &str =
            "INSERT INTO sign_in_codes (code, user_id, code_expires_at) VALUES ($1, $2, $3)";
        let user = row.user.map(UserId::as_uuid);
        on!(&mut *self.0, |conn| sqlx::query(REMOVE).bind(user).execute(conn).await.map(drop)?);
        on!(&mut *self.0, |conn| sqlx::query(ADD)
            .bind(code.as_bytes().as_slice())
            .bind(user)
            .bind(to_micros(row.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Whether a code is there, used up by time or not.
    pub async fn has_code(&mut self, code: Digest) -> Result<bool, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM sign_in_codes WHERE code = $1";
        let count: i64 = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(code.as_bytes().as_slice())
            .fetch_one(conn)
            .await?);
        Ok(count > 0)
    }

    /// Removes a code and says what it was for: it counts once.
    pub async fn take_code(&mut self, code: Digest) -> Result<Option<SignInCodeRow>, StorageError> {
        const SQL: &str =
            "DELETE FROM sign_in_codes WHERE code = $1 RETURNING user_id, code_expires_at";
        let row: Option<(Option<Uuid>, i64)> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(code.as_bytes().as_slice())
            .fetch_optional(conn)
            .await?);
        row.map(|(user, expires_at)| {
            let expires_at = instant("sign_in_codes.code_expires_at", expires_at)?;
            Ok(SignInCodeRow { user: user.map(UserId::from), expires_at })
        })
        .transpose()
    }

    /// Adds a token.
    pub async fn add_token(
        &mut self,
        token: Digest,
        user: UserId,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str =
            "INSERT INTO access_tokens (token, user_id, token_expires_at) VALUES ($1, $2, $3)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(token.as_bytes().as_slice())
            .bind(user.as_uuid())
            .bind(to_micros(expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The user for whom a token stands at `now`.
    pub async fn user_of_token(
        &mut self,
        token: Digest,
        now: Timestamp,
    ) -> Result<Option<User>, StorageError> {
        const SQL: &str = "SELECT users.* FROM access_tokens JOIN users USING (user_id) \
            WHERE token = $1 AND token_expires_at > $2";
        let row: Option<UserRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(token.as_bytes().as_slice())
            .bind(to_micros(now))
            .fetch_optional(conn)
            .await?);
        row.map(User::try_from).transpose()
    }

    /// Removes a user's codes and tokens.
    pub async fn remove_of_user(&mut self, user: UserId) -> Result<(), StorageError> {
        const CODES: &str = "DELETE FROM sign_in_codes WHERE user_id = $1";
        const TOKENS: &str = "DELETE FROM access_tokens WHERE user_id = $1";
        for sql in [CODES, TOKENS] {
            on!(&mut *self.0, |conn| sqlx::query(sql)
                .bind(user.as_uuid())
                .execute(conn)
                .await
                .map(drop)?);
        }
        Ok(())
    }

    /// Removes the codes and the tokens that no longer count; how many of each.
    pub async fn purge(&mut self, now: Timestamp) -> Result<(u64, u64), StorageError> {
        const CODES: &str = "DELETE FROM sign_in_codes WHERE code_expires_at <= $1";
        const TOKENS: &str = "DELETE FROM access_tokens WHERE token_expires_at <= $1";
        let now = to_micros(now);
        let codes = on!(&mut *self.0, |conn| sqlx::query(CODES)
            .bind(now)
            .execute(conn)
            .await?
            .rows_affected());
        let tokens = on!(&mut *self.0, |conn| sqlx::query(TOKENS)
            .bind(now)
            .execute(conn)
            .await?
            .rows_affected());
        Ok((codes, tokens))
    }
}
