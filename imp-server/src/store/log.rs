//! `log_head`, `log_tiles`, and `earlier_events` until they are taken in.
use imp_identity::Record;
use imp_storage::{StorageError, Transaction, on};
use imp_translog::{Hash, TileId, tile_from_bytes, tile_to_bytes};
use uuid::Uuid;

use super::entries::key;
use super::value::{corrupt, instant};

/// The tree over the entries.
#[derive(Debug)]
pub struct Log<'a>(pub(super) &'a mut Transaction);

/// The tree's right edge, and the checkpoint of exactly these entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Entries.
    pub size: u64,
    /// The perfect subtrees, largest first, concatenated.
    pub peaks: Vec<u8>,
    /// When the last entry was appended, in microseconds since 1970.
    pub last_at: i64,
    /// A signed note.
    pub checkpoint: String,
}

/// The most tiles that [`Log::tiles`] finds at once. A proof needs at most three of each level, and a log of 2^40 entries
/// has five levels.
pub const TILES: usize = 16;

#[derive(Debug, sqlx::FromRow)]
struct HeadRow {
    size: i64,
    peaks: Vec<u8>,
    last_at: i64,
    checkpoint: String,
}

#[derive(Debug, sqlx::FromRow)]
struct TileRow {
    tile_level: i64,
    tile_index: i64,
    hashes: Vec<u8>,
}

#[derive(Debug, sqlx::FromRow)]
struct EarlierRow {
    sequence: i64,
    event_id: Uuid,
    at: i64,
    actor: String,
    body: String,
}

impl Log<'_> {
    /// The head of the log named `origin`.
    pub async fn head(&mut self, origin: &str) -> Result<Option<Head>, StorageError> {
        const SQL: &str = "SELECT size, peaks, last_at, checkpoint FROM log_head WHERE origin = $1";
        let row: Option<HeadRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(origin).fetch_optional(conn).await?);
        let Some(HeadRow { size, peaks, last_at, checkpoint }) = row else { return Ok(None) };
        let size = u64::try_from(size).map_err(|_| corrupt("log_head.size"))?;
        Ok(Some(Head { size, peaks, last_at, checkpoint }))
    }

    /// Puts a head in place of the one before.
    pub async fn put_head(&mut self, origin: &str, head: &Head) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO log_head (origin, size, peaks, last_at, checkpoint) \
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (origin) DO UPDATE SET size = excluded.size, \
            peaks = excluded.peaks, last_at = excluded.last_at, checkpoint = excluded.checkpoint";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(origin)
            .bind(key(head.size))
            .bind(head.peaks.as_slice())
            .bind(head.last_at)
            .bind(head.checkpoint.as_str())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// A tile, if it is stored: on level 0 full ones only.
    pub async fn tile(&mut self, id: TileId) -> Result<Option<Vec<Hash>>, StorageError> {
        const SQL: &str = "SELECT hashes FROM log_tiles WHERE tile_level = $1 AND tile_index = $2";
        let bytes: Option<Vec<u8>> = on!(self.0, |conn| sqlx::query_scalar(SQL)
            .bind(i64::from(id.level))
            .bind(key(id.index))
            .fetch_optional(conn)
            .await?);
        bytes.as_deref().map(hashes).transpose()
    }

    /// Those of at most [`TILES`] tiles that are stored, in one question.
    pub async fn tiles(
        &mut self,
        ids: &[TileId],
    ) -> Result<Vec<(TileId, Vec<Hash>)>, StorageError> {
        const SQL: &str = "SELECT tile_level, tile_index, hashes FROM log_tiles \
            WHERE (tile_level, tile_index) IN (VALUES (CAST($1 AS BIGINT), CAST($2 AS BIGINT)), \
            ($3, $4), ($5, $6), ($7, $8), ($9, $10), ($11, $12), ($13, $14), ($15, $16), ($17, $18), \
            ($19, $20), ($21, $22), ($23, $24), ($25, $26), ($27, $28), ($29, $30), ($31, $32))";
        let Some(last) = ids.last() else { return Ok(vec![]) };
        if ids.len() > TILES {
            return Err(corrupt("log_tiles"));
        }
        let asked: Vec<_> =
            ids.iter().chain(std::iter::repeat(last)).take(TILES).copied().collect();
        let rows: Vec<TileRow> = on!(self.0, |conn| {
            let mut query = sqlx::query_as(SQL);
            for id in &asked {
                query = query.bind(i64::from(id.level)).bind(key(id.index));
            }
            query.fetch_all(conn).await?
        });
        rows.iter().map(tile).collect()
    }

    /// Puts a tile in place of what was known of it.
    pub async fn put_tile(&mut self, id: TileId, tile: &[Hash]) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO log_tiles (tile_level, tile_index, hashes) VALUES ($1, $2, $3) \
            ON CONFLICT (tile_level, tile_index) DO UPDATE SET hashes = excluded.hashes";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(i64::from(id.level))
            .bind(key(id.index))
            .bind(tile_to_bytes(tile))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The first index of a kind that the erasure of what is past its retention has not looked at.
    pub async fn retained_from(&mut self, kind: &str) -> Result<u64, StorageError> {
        const SQL: &str = "SELECT next_index FROM log_retention WHERE kind = $1";
        let next: Option<i64> =
            on!(self.0, |conn| sqlx::query_scalar(SQL).bind(kind).fetch_optional(conn).await?);
        let next = next.map(|next| u64::try_from(next).map_err(|_| corrupt("log_retention")));
        Ok(next.transpose()?.unwrap_or_default())
    }

    /// Remembers it.
    pub async fn put_retained_from(&mut self, kind: &str, next: u64) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO log_retention (kind, next_index) VALUES ($1, $2) \
            ON CONFLICT (kind) DO UPDATE SET next_index = excluded.next_index";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(kind)
            .bind(key(next))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Whether events of an earlier version wait to be taken in.
    pub async fn has_earlier(&mut self) -> Result<bool, StorageError> {
        const SQL: &str = "SELECT sequence FROM earlier_events LIMIT 1";
        let first: Option<i64> =
            on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_optional(conn).await?);
        Ok(first.is_some())
    }

    /// The events of an earlier version after a place, in order, with their places; at most 500.
    pub async fn earlier(&mut self, after: i64) -> Result<Vec<(i64, Record)>, StorageError> {
        const SQL: &str = "SELECT sequence, event_id, at, actor, body FROM earlier_events \
            WHERE sequence > $1 ORDER BY sequence LIMIT 500";
        let rows: Vec<EarlierRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(after).fetch_all(conn).await?);
        rows.iter().map(earlier).collect()
    }

    /// Deletes the events of an earlier version: they are entries now.
    pub async fn forget_earlier(&mut self) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM earlier_events";
        on!(self.0, |conn| sqlx::query(SQL).execute(conn).await.map(drop)?);
        Ok(())
    }
}

fn hashes(bytes: &[u8]) -> Result<Vec<Hash>, StorageError> {
    tile_from_bytes(bytes).map_err(|_| corrupt("log_tiles.hashes"))
}

fn tile(row: &TileRow) -> Result<(TileId, Vec<Hash>), StorageError> {
    let level = u8::try_from(row.tile_level).map_err(|_| corrupt("log_tiles.tile_level"))?;
    let index = u64::try_from(row.tile_index).map_err(|_| corrupt("log_tiles.tile_index"))?;
    Ok((TileId { level, index }, hashes(&row.hashes)?))
}

fn earlier(row: &EarlierRow) -> Result<(i64, Record), StorageError> {
    let record = Record {
        id: row.event_id.into(),
        at: instant("earlier_events.at", row.at)?,
        actor: serde_json::from_str(&row.actor).map_err(|_| corrupt("earlier_events.actor"))?,
        event: serde_json::from_str(&row.body).map_err(|_| corrupt("earlier_events.body"))?,
    };
    Ok((row.sequence, record))
}
