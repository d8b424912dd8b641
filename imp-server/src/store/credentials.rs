//! `credentials`
use imp_identity::clock::to_micros;
use imp_identity::credential::Credential;
use imp_identity::{CredentialId, UserId};
use imp_storage::{StorageError, Transaction, on};
use uuid::Uuid;

use super::value::{instant, instant_if, text};

/// Passkeys and security keys.
#[derive(Debug)]
pub struct Credentials<'a>(pub(super) &'a mut Transaction);

#[derive(Debug, sqlx::FromRow)]
struct CredentialRow {
    credential_id: Uuid,
    user_id: Uuid,
    handle: Vec<u8>,
    credential_name: String,
    credential_kind: String,
    aaguid: Option<Uuid>,
    attested: bool,
    public_part: String,
    credential_registered_at: i64,
    credential_used_at: Option<i64>,
}

impl TryFrom<CredentialRow> for Credential {
    type Error = StorageError;

    fn try_from(row: CredentialRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.credential_id.into(),
            user: row.user_id.into(),
            handle: row.handle,
            name: text("credentials.credential_name", &row.credential_name)?,
            kind: text("credentials.credential_kind", &row.credential_kind)?,
            aaguid: row.aaguid,
            attested: row.attested,
            public_part: row.public_part,
            registered_at: instant(
                "credentials.credential_registered_at",
                row.credential_registered_at,
            )?,
            used_at: instant_if("credentials.credential_used_at", row.credential_used_at)?,
        })
    }
}

impl Credentials<'_> {
    /// Adds a credential; a unique violation when its handle is registered, for whomever.
    pub async fn add(&mut self, credential: &Credential) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO credentials (credential_id, user_id, handle, \
            credential_name, credential_kind, aaguid, attested, public_part, \
            credential_registered_at, credential_used_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(credential.id.as_uuid())
            .bind(credential.user.as_uuid())
            .bind(&credential.handle)
            .bind(credential.name.as_str())
            .bind(credential.kind.code())
            .bind(credential.aaguid)
            .bind(credential.attested)
            .bind(&credential.public_part)
            .bind(to_micros(credential.registered_at))
            .bind(credential.used_at.map(to_micros))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores its name, its last use and its counter.
    pub async fn update(&mut self, credential: &Credential) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE credentials SET credential_name = $2, public_part = $3, \
            credential_used_at = $4 WHERE credential_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(credential.id.as_uuid())
            .bind(credential.name.as_str())
            .bind(&credential.public_part)
            .bind(credential.used_at.map(to_micros))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One credential.
    pub async fn find(&mut self, id: CredentialId) -> Result<Option<Credential>, StorageError> {
        const SQL: &str = "SELECT * FROM credentials WHERE credential_id = $1";
        let row: Option<CredentialRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(Credential::try_from).transpose()
    }

    /// The credential that an authenticator calls so.
    pub async fn find_by_handle(
        &mut self,
        handle: &[u8],
    ) -> Result<Option<Credential>, StorageError> {
        const SQL: &str = "SELECT * FROM credentials WHERE handle = $1";
        let row: Option<CredentialRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(handle).fetch_optional(conn).await?);
        row.map(Credential::try_from).transpose()
    }

    /// A user's credentials, in the order of their registration.
    pub async fn of_user(&mut self, user: UserId) -> Result<Vec<Credential>, StorageError> {
        const SQL: &str = "SELECT * FROM credentials WHERE user_id = $1 ORDER BY credential_id";
        let rows: Vec<CredentialRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(user.as_uuid()).fetch_all(conn).await?);
        rows.into_iter().map(Credential::try_from).collect()
    }

    /// Removes a credential; whether it was there.
    pub async fn remove(&mut self, id: CredentialId) -> Result<bool, StorageError> {
        const SQL: &str = "DELETE FROM credentials WHERE credential_id = $1";
        let removed = on!(self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .execute(conn)
            .await?
            .rows_affected());
        Ok(removed > 0)
    }
}
