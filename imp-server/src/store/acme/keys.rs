//! Keys that bind accounts to devices.
use imp_identity::clock::to_micros;
use imp_identity::{Actor, DeviceId};
use imp_storage::{StorageError, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::Acme;
use crate::store::devices::{read_actor, write_actor};
use crate::store::value::{instant, instant_if};

const MADE_BY: &str = "acme_keys.acme_key_made_by";

/// A key that binds accounts to devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeKey {
    /// `kid` of bindings.
    pub id: String,
    /// The key, sealed.
    pub sealed: Vec<u8>,
    /// Whether it makes more than one account.
    pub reusable: bool,
    /// When it was made.
    pub made_at: Timestamp,
    /// Who made it.
    pub made_by: Actor,
    /// First instant at which it makes no account.
    pub expires_at: Timestamp,
    /// When it was taken away.
    pub removed_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
struct KeyRow {
    acme_key_id: String,
    acme_sealed: Vec<u8>,
    acme_reusable: bool,
    acme_key_made_at: i64,
    acme_key_made_by: String,
    acme_key_expires_at: i64,
    acme_key_removed_at: Option<i64>,
}

impl TryFrom<KeyRow> for AcmeKey {
    type Error = StorageError;

    fn try_from(row: KeyRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.acme_key_id,
            sealed: row.acme_sealed,
            reusable: row.acme_reusable,
            made_at: instant("acme_keys.acme_key_made_at", row.acme_key_made_at)?,
            made_by: read_actor(MADE_BY, &row.acme_key_made_by)?,
            expires_at: instant("acme_keys.acme_key_expires_at", row.acme_key_expires_at)?,
            removed_at: instant_if("acme_keys.acme_key_removed_at", row.acme_key_removed_at)?,
        })
    }
}

impl Acme<'_> {
    /// Adds a key for some devices.
    pub async fn add_key(
        &mut self,
        key: &AcmeKey,
        devices: &[DeviceId],
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO acme_keys \
            (acme_key_id, acme_sealed, acme_reusable, acme_key_made_at, acme_key_made_by, \
            acme_key_expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
        const DEVICE: &str =
            "INSERT INTO acme_key_devices (acme_key_id, device_id) VALUES ($1, $2)";
        let by = write_actor(MADE_BY, &key.made_by)?;
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(key.id.as_str())
            .bind(key.sealed.as_slice())
            .bind(key.reusable)
            .bind(to_micros(key.made_at))
            .bind(by)
            .bind(to_micros(key.expires_at))
            .execute(conn)
            .await
            .map(drop)?);
        for device in devices {
            on!(&mut *self.0, |conn| sqlx::query(DEVICE)
                .bind(key.id.as_str())
                .bind(device.as_uuid())
                .execute(conn)
                .await
                .map(drop)?);
        }
        Ok(())
    }

    /// One key.
    pub async fn find_key(&mut self, id: &str) -> Result<Option<AcmeKey>, StorageError> {
        const SQL: &str = "SELECT * FROM acme_keys WHERE acme_key_id = $1";
        let row: Option<KeyRow> =
            on!(&mut *self.0, |conn| sqlx::query_as(SQL).bind(id).fetch_optional(conn).await?);
        row.map(AcmeKey::try_from).transpose()
    }

    /// For which devices the accounts of a key may order.
    pub async fn devices_of_key(&mut self, id: &str) -> Result<Vec<DeviceId>, StorageError> {
        const SQL: &str =
            "SELECT device_id FROM acme_key_devices WHERE acme_key_id = $1 ORDER BY device_id";
        let rows: Vec<(Uuid,)> =
            on!(&mut *self.0, |conn| sqlx::query_as(SQL).bind(id).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Who made the keys for a device that were not taken away.
    pub async fn makers_of_keys(&mut self, device: DeviceId) -> Result<Vec<Actor>, StorageError> {
        const SQL: &str = "SELECT k.acme_key_made_by FROM acme_keys k \
            JOIN acme_key_devices d ON d.acme_key_id = k.acme_key_id \
            WHERE d.device_id = $1 AND k.acme_key_removed_at IS NULL LIMIT 1000";
        let rows: Vec<(String,)> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(device.as_uuid())
            .fetch_all(conn)
            .await?);
        rows.iter().map(|(by,)| read_actor(MADE_BY, by)).collect()
    }

    /// Every key that was not taken away, in the order in which they were made.
    pub async fn keys(&mut self) -> Result<Vec<AcmeKey>, StorageError> {
        const SQL: &str = "SELECT * FROM acme_keys WHERE acme_key_removed_at IS NULL \
            ORDER BY acme_key_made_at, acme_key_id LIMIT 10000";
        let rows: Vec<KeyRow> =
            on!(&mut *self.0, |conn| sqlx::query_as(SQL).fetch_all(conn).await?);
        rows.into_iter().map(AcmeKey::try_from).collect()
    }

    /// Takes a key away. Answers whether it was there.
    pub async fn remove_key(&mut self, id: &str, at: Timestamp) -> Result<bool, StorageError> {
        const SQL: &str = "UPDATE acme_keys SET acme_key_removed_at = $2 \
            WHERE acme_key_id = $1 AND acme_key_removed_at IS NULL";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(id)
            .bind(to_micros(at))
            .execute(conn)
            .await?
            .rows_affected())
            > 0)
    }
}
