//! Accounts.
use imp_identity::clock::to_micros;
use imp_identity::{AcmeAccountId, Digest};
use imp_pki::acme::AccountKey;
use imp_pki::acme::account::AccountStatus;
use imp_storage::{StorageError, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::Acme;
use crate::store::value::{corrupt, instant};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeAccount {
    /// Names it.
    pub id: AcmeAccountId,
    /// Its key.
    pub key: AccountKey,
    /// How to reach whoever runs it.
    pub contacts: Vec<String>,
    /// Whether it counts.
    pub status: AccountStatus,
    /// The key that bound it, if any did.
    pub bound_by: Option<String>,
    /// When it was made.
    pub made_at: Timestamp,
}

#[derive(sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
struct AccountRow {
    acme_account_id: Uuid,
    acme_account_key: String,
    acme_contacts: String,
    acme_status: String,
    acme_key_id: Option<String>,
    acme_account_made: i64,
}

impl TryFrom<AccountRow> for AcmeAccount {
    type Error = StorageError;

    fn try_from(row: AccountRow) -> Result<Self, StorageError> {
        let key = serde_json::from_str(&row.acme_account_key).ok();
        let key = key.and_then(|value| AccountKey::from_json(&value).ok());
        Ok(Self {
            id: row.acme_account_id.into(),
            key: key.ok_or(corrupt("acme_accounts.acme_account_key"))?,
            contacts: serde_json::from_str(&row.acme_contacts)
                .map_err(|_| corrupt("acme_accounts.acme_contacts"))?,
            status: row.acme_status.parse().map_err(|_| corrupt("acme_accounts.acme_status"))?,
            bound_by: row.acme_key_id,
            made_at: instant("acme_accounts.acme_account_made", row.acme_account_made)?,
        })
    }
}

impl Acme<'_> {
    /// Adds an account; a unique violation when another has its key.
    pub async fn add_account(&mut self, account: &AcmeAccount) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO acme_accounts (acme_account_id, acme_account_key, \
            acme_thumbprint, acme_contacts, acme_status, acme_key_id, acme_account_made) \
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(account.id.as_uuid())
            .bind(account.key.to_json().to_string())
            .bind(account.key.thumbprint().as_bytes().as_slice())
            .bind(json(&account.contacts)?)
            .bind(account.status.code())
            .bind(account.bound_by.as_deref())
            .bind(to_micros(account.made_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One account.
    pub async fn find_account(
        &mut self,
        id: AcmeAccountId,
    ) -> Result<Option<AcmeAccount>, StorageError> {
        const SQL: &str = "SELECT * FROM acme_accounts WHERE acme_account_id = $1";
        let row: Option<AccountRow> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(id.as_uuid())
            .fetch_optional(conn)
            .await?);
        row.map(AcmeAccount::try_from).transpose()
    }

    /// The account of a key, by its thumbprint.
    pub async fn find_account_by_key(
        &mut self,
        thumbprint: Digest,
    ) -> Result<Option<AcmeAccount>, StorageError> {
        const SQL: &str = "SELECT * FROM acme_accounts WHERE acme_thumbprint = $1";
        let row: Option<AccountRow> = on!(&mut *self.0, |conn| sqlx::query_as(SQL)
            .bind(thumbprint.as_bytes().as_slice())
            .fetch_optional(conn)
            .await?);
        row.map(AcmeAccount::try_from).transpose()
    }

    /// The accounts that a key bound.
    pub async fn accounts_of_key(&mut self, id: &str) -> Result<Vec<AcmeAccount>, StorageError> {
        const SQL: &str =
            "SELECT * FROM acme_accounts WHERE acme_key_id = $1 ORDER BY acme_account_id";
        let rows: Vec<AccountRow> =
            on!(&mut *self.0, |conn| sqlx::query_as(SQL).bind(id).fetch_all(conn).await?);
        rows.into_iter().map(AcmeAccount::try_from).collect()
    }

    /// Stores contacts and status.
    pub async fn update_account(&mut self, account: &AcmeAccount) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE acme_accounts SET acme_contacts = $2, acme_status = $3 \
            WHERE acme_account_id = $1";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(account.id.as_uuid())
            .bind(json(&account.contacts)?)
            .bind(account.status.code())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Replaces a key, if the account has the one that is to be replaced; answers whether it had. A unique violation when another
    /// account has the new one.
    pub async fn replace_account_key(
        &mut self,
        id: AcmeAccountId,
        old: &AccountKey,
        new: &AccountKey,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "UPDATE acme_accounts SET acme_account_key = $3, acme_thumbprint = $4 \
            WHERE acme_account_id = $1 AND acme_thumbprint = $2";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(old.thumbprint().as_bytes().as_slice())
            .bind(new.to_json().to_string())
            .bind(new.thumbprint().as_bytes().as_slice())
            .execute(conn)
            .await?
            .rows_affected())
            > 0)
    }
}

fn json(contacts: &[String]) -> Result<String, StorageError> {
    serde_json::to_string(contacts).map_err(|_| corrupt("acme_accounts.acme_contacts"))
}
