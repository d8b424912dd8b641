//! `signing_keys`
use imp_identity::clock::to_micros;
use imp_storage::{StorageError, Transaction, on};
use jiff::Timestamp;

use super::value::{corrupt, instant};

/// Keys that sign tokens.
#[derive(Debug)]
pub struct SigningKeys<'a>(pub(super) &'a mut Transaction);

/// A key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// `kid`: the thumbprint of the public key (RFC 7638).
    pub id: String,
    /// `alg` (RFC 7518 §3.1).
    pub algorithm: String,
    /// Counts the keys of its algorithm.
    pub generation: u64,
    /// The private key in PKCS#8, sealed.
    pub sealed: Vec<u8>,
    /// When it was made, and from when on others see it.
    pub made_at: Timestamp,
    /// From when on it signs.
    pub signs_from: Timestamp,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    key_id: String,
    algorithm: String,
    generation: i64,
    sealed: Vec<u8>,
    made_at: i64,
    signs_from: i64,
}

impl TryFrom<KeyRow> for StoredSigningKey {
    type Error = StorageError;

    fn try_from(row: KeyRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.key_id,
            algorithm: row.algorithm,
            generation: u64::try_from(row.generation)
                .map_err(|_| corrupt("signing_keys.generation"))?,
            sealed: row.sealed,
            made_at: instant("signing_keys.made_at", row.made_at)?,
            signs_from: instant("signing_keys.signs_from", row.signs_from)?,
        })
    }
}

impl SigningKeys<'_> {
    /// Adds a key; a unique violation when there is one of its generation.
    pub async fn add(&mut self, key: &StoredSigningKey) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO signing_keys (key_id, algorithm, generation, sealed, made_at, signs_from) \
            VALUES ($1, $2, $3, $4, $5, $6)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(key.id.as_str())
            .bind(key.algorithm.as_str())
            .bind(i64::try_from(key.generation).unwrap_or(i64::MAX))
            .bind(key.sealed.as_slice())
            .bind(to_micros(key.made_at))
            .bind(to_micros(key.signs_from))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Every key, by algorithm and generation.
    pub async fn all(&mut self) -> Result<Vec<StoredSigningKey>, StorageError> {
        const SQL: &str = "SELECT * FROM signing_keys ORDER BY algorithm, generation";
        let rows: Vec<KeyRow> = on!(self.0, |conn| sqlx::query_as(SQL).fetch_all(conn).await?);
        rows.into_iter().map(StoredSigningKey::try_from).collect()
    }

    /// Changes from when on a key signs.
    pub async fn begin(&mut self, id: &str, from: Timestamp) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE signing_keys SET signs_from = $2 WHERE key_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(id)
            .bind(to_micros(from))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Removes a key: what it signed counts no longer.
    pub async fn remove(&mut self, id: &str) -> Result<bool, StorageError> {
        const SQL: &str = "DELETE FROM signing_keys WHERE key_id = $1";
        Ok(on!(self.0, |conn| sqlx::query(SQL).bind(id).execute(conn).await?.rows_affected()) > 0)
    }
}
