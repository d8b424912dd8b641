//! `log_checkpoints`
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;

use imp_identity::clock::to_micros;

use super::entries::key;

/// Checkpoints that witnesses cosigned: the latest, and the last of each hour.
#[derive(Debug)]
pub struct LogCheckpoints<'a>(pub(super) &'a mut Transaction);

impl LogCheckpoints<'_> {
    /// The latest.
    pub async fn latest(&mut self) -> Result<Option<String>, StorageError> {
        const SQL: &str = "SELECT note FROM log_checkpoints ORDER BY size DESC LIMIT 1";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_optional(conn).await?))
    }

    /// The one of so many entries.
    pub async fn find(&mut self, size: u64) -> Result<Option<String>, StorageError> {
        const SQL: &str = "SELECT note FROM log_checkpoints WHERE size = $1";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL).bind(key(size)).fetch_optional(conn).await?))
    }

    /// Keeps a checkpoint of `size` entries, in place of one of that size with fewer cosignatures.
    pub async fn put(&mut self, size: u64, at: Timestamp, note: &str) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO log_checkpoints (size, made_at, note) VALUES ($1, $2, $3) \
            ON CONFLICT (size) DO UPDATE SET note = excluded.note";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(key(size))
            .bind(to_micros(at))
            .bind(note)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Forgets those made from `from` on that are smaller than `size`.
    pub async fn forget(&mut self, from: Timestamp, size: u64) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM log_checkpoints WHERE made_at >= $1 AND size < $2";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(to_micros(from))
            .bind(key(size))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }
}
