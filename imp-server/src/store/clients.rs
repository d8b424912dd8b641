//! `clients`
use imp_identity::clock::to_micros;
use imp_identity::name::{Label, UnknownCode};
use imp_identity::{ClientId, Digest};
use imp_storage::{Page, StorageError, Transaction, limit, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::value::{corrupt, digest, instant, text};

/// Applications that people are signed on to.
#[derive(Debug)]
pub struct Clients<'a>(pub(super) &'a mut Transaction);

/// What an application speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// OAuth 2.0 and OpenID Connect.
    Oauth,
    /// SAML 2.0.
    Saml,
}

impl ClientKind {
    /// The stable code, as stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Oauth => "oauth",
            Self::Saml => "saml",
        }
    }
}

impl std::str::FromStr for ClientKind {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        match text {
            "oauth" => Ok(Self::Oauth),
            "saml" => Ok(Self::Saml),
            _ => Err(UnknownCode { expected: "ClientKind" }),
        }
    }
}

/// An application as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredClient {
    /// Names it.
    pub id: ClientId,
    /// As people call it.
    pub name: Label,
    /// What it speaks.
    pub kind: ClientKind,
    /// What others call it: a SAML service provider's entity ID.
    pub external: Option<String>,
    /// The rest, in JSON.
    pub metadata: String,
    /// The digest of its secret.
    pub secret: Option<Digest>,
    /// The digest of the token with which it may change its registration (RFC 7592).
    pub registration: Option<Digest>,
    /// Counts its changes.
    pub revision: u64,
    /// When it was registered.
    pub registered_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct ClientRow {
    client_id: Uuid,
    client_name: String,
    client_kind: String,
    external_id: Option<String>,
    metadata: String,
    client_secret: Option<Vec<u8>>,
    registration_token: Option<Vec<u8>>,
    client_revision: i64,
    registered_at: i64,
}

impl TryFrom<ClientRow> for StoredClient {
    type Error = StorageError;

    fn try_from(row: ClientRow) -> Result<Self, StorageError> {
        let digest_if =
            |what, bytes: Option<Vec<u8>>| bytes.map(|bytes| digest(what, &bytes)).transpose();
        Ok(Self {
            id: row.client_id.into(),
            name: text("clients.client_name", &row.client_name)?,
            kind: text("clients.client_kind", &row.client_kind)?,
            external: row.external_id,
            metadata: row.metadata,
            secret: digest_if("clients.client_secret", row.client_secret)?,
            registration: digest_if("clients.registration_token", row.registration_token)?,
            revision: u64::try_from(row.client_revision)
                .map_err(|_| corrupt("clients.client_revision"))?,
            registered_at: instant("clients.registered_at", row.registered_at)?,
        })
    }
}

fn bytes(digest: Option<&Digest>) -> Option<&[u8]> {
    digest.map(|digest| digest.as_bytes().as_slice())
}

fn revision(client: &StoredClient) -> i64 {
    i64::try_from(client.revision).unwrap_or(i64::MAX)
}

impl Clients<'_> {
    /// Adds a client; a unique violation when another one has its external name.
    pub async fn add(&mut self, client: &StoredClient) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO clients (client_id, client_name, client_kind, external_id, metadata, \
            client_secret, registration_token, client_revision, registered_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(client.id.as_uuid())
            .bind(client.name.as_str())
            .bind(client.kind.code())
            .bind(client.external.as_deref())
            .bind(client.metadata.as_str())
            .bind(bytes(client.secret.as_ref()))
            .bind(bytes(client.registration.as_ref()))
            .bind(revision(client))
            .bind(to_micros(client.registered_at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores everything but its kind and when it was registered.
    pub async fn update(&mut self, client: &StoredClient) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE clients SET client_name = $2, external_id = $3, metadata = $4, \
            client_secret = $5, registration_token = $6, client_revision = $7 WHERE client_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(client.id.as_uuid())
            .bind(client.name.as_str())
            .bind(client.external.as_deref())
            .bind(client.metadata.as_str())
            .bind(bytes(client.secret.as_ref()))
            .bind(bytes(client.registration.as_ref()))
            .bind(revision(client))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One client.
    pub async fn find(&mut self, id: ClientId) -> Result<Option<StoredClient>, StorageError> {
        const SQL: &str = "SELECT * FROM clients WHERE client_id = $1";
        let row: Option<ClientRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(StoredClient::try_from).transpose()
    }

    /// The client that others call so.
    pub async fn find_external(
        &mut self,
        external: &str,
    ) -> Result<Option<StoredClient>, StorageError> {
        const SQL: &str = "SELECT * FROM clients WHERE external_id = $1";
        let row: Option<ClientRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(external).fetch_optional(conn).await?);
        row.map(StoredClient::try_from).transpose()
    }

    /// The clients of a name, at most two: who asks for one must know whether there are more.
    pub async fn called(&mut self, name: &str) -> Result<Vec<StoredClient>, StorageError> {
        const SQL: &str = "SELECT * FROM clients WHERE client_name = $1 LIMIT 2";
        let rows: Vec<ClientRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(name).fetch_all(conn).await?);
        rows.into_iter().map(StoredClient::try_from).collect()
    }

    /// How many there are.
    pub async fn count(&mut self) -> Result<i64, StorageError> {
        const SQL: &str = "SELECT COUNT(*) FROM clients";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await?))
    }

    /// The clients of a kind after one, oldest first.
    pub async fn page(
        &mut self,
        kind: ClientKind,
        after: Option<ClientId>,
        asked: u32,
    ) -> Result<Page<StoredClient, ClientId>, StorageError> {
        const SQL: &str = "SELECT * FROM clients WHERE client_kind = $1 AND client_id > $2 \
            ORDER BY client_id LIMIT $3";
        let after = after.map_or(Uuid::nil(), ClientId::as_uuid);
        let rows: Vec<ClientRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(kind.code())
            .bind(after)
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        let clients: Vec<_> =
            rows.into_iter().map(StoredClient::try_from).collect::<Result<_, _>>()?;
        Ok(Page::new(clients, asked, |client| client.id))
    }

    /// Removes a client with everything that it was granted.
    pub async fn remove(&mut self, id: ClientId) -> Result<(), StorageError> {
        const SQL: [&str; 9] = [
            "DELETE FROM pushed_requests WHERE client_id = $1",
            "DELETE FROM device_codes WHERE client_id = $1",
            "DELETE FROM consents WHERE client_id = $1",
            "DELETE FROM logouts WHERE client_id = $1",
            "DELETE FROM visits WHERE client_id = $1",
            "DELETE FROM authorization_codes WHERE grant_id IN (SELECT grant_id FROM grants WHERE client_id = $1)",
            "DELETE FROM refresh_tokens WHERE grant_id IN (SELECT grant_id FROM grants WHERE client_id = $1)",
            "DELETE FROM grants WHERE client_id = $1",
            "DELETE FROM clients WHERE client_id = $1",
        ];
        for sql in SQL {
            on!(&mut *self.0, |conn| sqlx::query(sql)
                .bind(id.as_uuid())
                .execute(conn)
                .await
                .map(drop)?);
        }
        Ok(())
    }
}
