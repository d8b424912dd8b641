//! Applications that speak OAuth, as they are registered.
use imp_delivery::Voucher;
use imp_identity::{ClientId, Digest};
use imp_oauth::client::{AuthMethod, GrantType, Metadata};
use imp_storage::StorageError;
use jiff::Timestamp;

use crate::store::{ClientKind, StoredClient};

/// An application that speaks OAuth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredClient {
    /// Names it.
    pub id: ClientId,
    /// What it may, and how.
    pub metadata: Metadata,
    /// The digest of its secret.
    pub secret: Option<Digest>,
    /// The digest of the token that changes its registration.
    pub registration: Option<Digest>,
    /// Counts its changes.
    pub revision: u64,
    /// When it was registered.
    pub registered_at: Timestamp,
}

impl RegisteredClient {
    /// Who vouches for its addresses: nobody, if it registered itself.
    pub(crate) const fn voucher(&self) -> Voucher {
        if self.registration.is_some() { Voucher::Nobody } else { Voucher::Administrator }
    }

    /// Demands what `oauth.strict` does, whatever is registered: pushed requests, and tokens that are bound to the certificate
    /// by which it or its workstation proves itself, or else to a key (`DPoP`).
    pub(crate) fn harden(&mut self) {
        let metadata = &mut self.metadata;
        let by_certificate = metadata.auth_method == AuthMethod::TlsClientAuth
            || metadata.may_use(GrantType::TokenExchange);
        metadata.par_required = true;
        metadata.certificate_bound |= by_certificate;
        metadata.dpop_bound |= !metadata.certificate_bound;
    }

    /// Reads what is stored; nothing for an application that speaks something else.
    pub(crate) fn open(stored: StoredClient) -> Result<Option<Self>, StorageError> {
        let StoredClient {
            id, kind, metadata, secret, registration, revision, registered_at, ..
        } = stored;
        match kind {
            ClientKind::Saml => Ok(None),
            ClientKind::Oauth => {
                let metadata = serde_json::from_str(&metadata)
                    .map_err(|_| StorageError::Corrupt { what: "clients.metadata" })?;
                Ok(Some(Self { id, metadata, secret, registration, revision, registered_at }))
            }
        }
    }

    /// As it is stored.
    pub(crate) fn store(&self) -> Result<StoredClient, StorageError> {
        let corrupt = |what| StorageError::Corrupt { what };
        Ok(StoredClient {
            id: self.id,
            name: self.metadata.name.parse().map_err(|_| corrupt("clients.client_name"))?,
            kind: ClientKind::Oauth,
            external: None,
            metadata: serde_json::to_string(&self.metadata)
                .map_err(|_| corrupt("clients.metadata"))?,
            secret: self.secret,
            registration: self.registration,
            revision: self.revision,
            registered_at: self.registered_at,
        })
    }
}
