//! The log's tables as they are, whatever somebody made of them: for `imp-server log verify`.
use std::ops::Range;

use imp_storage::{StorageError, Transaction, on};
use imp_translog::TileId;
use uuid::Uuid;

use super::entries::key;

/// Reads everything and believes nothing.
#[derive(Debug)]
pub struct Verification<'a>(pub(super) &'a mut Transaction);

/// A row of `entries`.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns of the table")]
pub struct VerificationRow {
    pub log_index: i64,
    pub event_id: Uuid,
    pub at: i64,
    pub kind: String,
    pub outcome: Option<String>,
    pub user_id: Option<Uuid>,
    pub actor_id: Option<Uuid>,
    pub workstation_id: Option<Uuid>,
    pub device_id: Option<Uuid>,
    pub record: Option<String>,
    pub salt: Option<Vec<u8>>,
    pub commitment: Vec<u8>,
}

impl Verification<'_> {
    /// The names of the logs that have a head.
    pub async fn origins(&mut self) -> Result<Vec<String>, StorageError> {
        const SQL: &str = "SELECT origin FROM log_head ORDER BY origin LIMIT 100";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_all(conn).await?))
    }

    /// The first entries from `range.start` on, in order, to before `range.end`, whatever their indexes are.
    pub async fn rows(&mut self, range: Range<i64>) -> Result<Vec<VerificationRow>, StorageError> {
        const SQL: &str = "SELECT log_index, event_id, at, kind, outcome, user_id, actor_id, \
            workstation_id, device_id, record, salt, commitment FROM entries \
            WHERE log_index >= $1 AND log_index < $2 ORDER BY log_index LIMIT 256";
        Ok(on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(range.start)
            .bind(range.end)
            .fetch_all(conn)
            .await?))
    }

    /// The index of the first entry, which should be 0.
    pub async fn first(&mut self) -> Result<Option<i64>, StorageError> {
        const SQL: &str = "SELECT MIN(log_index) FROM entries";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await?))
    }

    /// The bytes of a stored tile.
    pub async fn tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>, StorageError> {
        const SQL: &str = "SELECT hashes FROM log_tiles WHERE tile_level = $1 AND tile_index = $2";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(i64::from(id.level))
            .bind(key(id.index))
            .fetch_optional(conn)
            .await?))
    }

    /// How many tiles are stored.
    pub async fn tiles(&mut self) -> Result<u64, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM log_tiles";
        let count: i64 = on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await?);
        Ok(count.unsigned_abs())
    }

    /// Stored checkpoints, with the size under which they are stored, by size; those above `size`, at most 100.
    pub async fn checkpoints(&mut self, size: i64) -> Result<Vec<(i64, String)>, StorageError> {
        const SQL: &str =
            "SELECT size, note FROM log_checkpoints WHERE size > $1 ORDER BY size LIMIT 100";
        Ok(on!(self.0, |conn| sqlx::query_as(SQL).bind(size).fetch_all(conn).await?))
    }

    /// The first entry of a kind, in a range of indexes, whose record is there.
    pub async fn first_kept(
        &mut self,
        kind: &str,
        range: Range<u64>,
    ) -> Result<Option<u64>, StorageError> {
        const SQL: &str = "SELECT log_index FROM entries WHERE kind = $1 AND log_index >= $2 \
            AND log_index < $3 AND record IS NOT NULL ORDER BY log_index LIMIT 1";
        let index: Option<i64> = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(kind)
            .bind(key(range.start))
            .bind(key(range.end))
            .fetch_optional(conn)
            .await?);
        Ok(index.map(i64::unsigned_abs))
    }
}
