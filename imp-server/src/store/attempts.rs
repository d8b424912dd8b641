//! `attempts`
use imp_identity::UserId;
use imp_identity::attempts::Attempts;
use imp_identity::clock::to_micros;
use imp_storage::{StorageError, Transaction, on};
use uuid::Uuid;

use super::value::{corrupt, instant_if};

/// Failed comparisons; a user without a row has none.
#[derive(Debug)]
pub struct AttemptsTable<'a>(pub(super) &'a mut Transaction);

/// Reads what may be missing.
pub(super) fn attempts(
    user: UserId,
    failures: Option<i64>,
    wait_until: Option<i64>,
) -> Result<Attempts, StorageError> {
    let failures = u32::try_from(failures.unwrap_or_default());
    Ok(Attempts {
        user,
        failures: failures.map_err(|_| corrupt("attempts.failures"))?,
        wait_until: instant_if("attempts.wait_until", wait_until)?,
    })
}

impl AttemptsTable<'_> {
    /// A user's.
    pub async fn find(&mut self, user: UserId) -> Result<Attempts, StorageError> {
        const SQL: &str = "SELECT failures, wait_until FROM attempts WHERE user_id = $1";
        let row: Option<(i64, Option<i64>)> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(user.as_uuid())
            .fetch_optional(conn)
            .await?);
        attempts(user, row.map(|row| row.0), row.and_then(|row| row.1))
    }

    /// How many failed comparisons in a row everybody has who has some.
    pub async fn all(&mut self) -> Result<Vec<(UserId, u32)>, StorageError> {
        const SQL: &str = "SELECT user_id, failures FROM attempts WHERE failures > 0";
        let rows: Vec<(Uuid, i64)> =
            on!(self.0, |conn| sqlx::query_as(SQL).fetch_all(conn).await?);
        let read = |(user, failures): (Uuid, i64)| {
            let failures = u32::try_from(failures).map_err(|_| corrupt("attempts.failures"))?;
            Ok((user.into(), failures))
        };
        rows.into_iter().map(read).collect()
    }

    /// Stores them; none removes the row.
    pub async fn put(&mut self, attempts: &Attempts) -> Result<(), StorageError> {
        const NONE: &str = "DELETE FROM attempts WHERE user_id = $1";
        const PUT: &str = "INSERT INTO attempts (user_id, failures, wait_until) \
            VALUES ($1, $2, $3) ON CONFLICT (user_id) \
            DO UPDATE SET failures = excluded.failures, wait_until = excluded.wait_until";
        let user = attempts.user.as_uuid();
        if attempts.failures == 0 {
            on!(self.0, |conn| sqlx::query(NONE).bind(user).execute(conn).await.map(drop)?);
            return Ok(());
        }
        on!(self.0, |conn| sqlx::query(PUT)
            .bind(user)
            .bind(i64::from(attempts.failures))
            .bind(attempts.wait_until.map(to_micros))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }
}
