//! What the OpenID provider needs of a running server: the keys that sign, the registered applications, and what is derived
//! from the folder of keys. Keys and applications are kept in memory, and looked at again twice a second.
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use imp_identity::{ClientId, SignOnId, UserId};
use imp_oauth::client::Metadata;
use imp_oauth::dpop::NonceKey;
use imp_oauth::jose::{Algorithm, SigningKey};
use imp_oauth::keys::{KeySet, Rotation};
use imp_oauth::subject::PairwiseKey;
use imp_storage::{Storage, StorageError};
use jiff::{SignedDuration, Timestamp};

use crate::ca::Keys;
use crate::config::Config;
use crate::store::{KnownAs, StoredSigningKey, Tables as _};

mod client;
mod keys;
mod outside;
mod refusals;
mod seal;
mod sector;

pub use client::RegisteredClient;
pub(crate) use keys::times;
pub use outside::OutsideError;
pub use seal::SealKeyError;

/// How old what is kept in memory may be: what is revoked counts no longer within a second.
const FRESH: Duration = Duration::from_millis(500);

/// The most applications that are kept in memory.
const MOST: usize = 1024;

/// The name of the setting that changes whenever keys or applications do.
const REVISION: &str = "oauth-revision";

/// The OpenID provider.
pub struct Provider {
    issuer: Arc<str>,
    sealer: seal::KeySealer,
    nonces: NonceKey,
    subjects: PairwiseKey,
    confirmations: hmac::Key,
    pub(crate) rotation: Rotation,
    strict: bool,
    pub(crate) outside: outside::Outside,
    pub(crate) refusals: refusals::ClientRefusals,
    cached: RwLock<Cached>,
}

/// What is kept in memory.
#[derive(Default)]
struct Cached {
    looked_at: Option<Instant>,
    revision: Option<String>,
    keys: Arc<KeySet>,
    clients: HashMap<ClientId, Arc<RegisteredClient>>,
}

/// The provider cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// See the source.
    #[error("the keys that sign tokens cannot be kept")]
    Seal(#[from] SealKeyError),
    /// See the source.
    #[error("[oauth] cannot be used")]
    Outside(#[from] OutsideError),
}

impl Provider {
    /// `issuer` is what applications know the server by.
    pub(crate) fn new(
        keys: &Keys,
        config: &Config,
        issuer: Arc<str>,
    ) -> Result<Self, ProviderError> {
        let seal::Derived { sealer, nonces, subjects, confirmations } =
            seal::derive_all(keys.set_key().pkcs8())?;
        let hours = |count: u32| SignedDuration::from_hours(count.into());
        let overlap = hours(config.oauth.key_overlap_hours);
        let rotation =
            Rotation { period: hours(24 * config.oauth.key_days), lead: overlap, keep: overlap };
        let outside = outside::Outside::new(&config.oauth)?;
        let (cached, refusals) = (RwLock::default(), refusals::ClientRefusals::default());
        Ok(Self {
            issuer,
            sealer,
            nonces,
            subjects,
            confirmations,
            rotation,
            strict: config.oauth.strict,
            outside,
            refusals,
            cached,
        })
    }

    /// `iss` of every token.
    pub(crate) const fn issuer(&self) -> &Arc<str> {
        &self.issuer
    }

    /// The key of `DPoP` nonces, the same at every replica.
    pub(crate) const fn nonces(&self) -> &NonceKey {
        &self.nonces
    }

    /// `sub` of a user, as an application sees her.
    pub(crate) fn subject(&self, user: UserId, metadata: &Metadata) -> String {
        self.subjects.subject(user, metadata)
    }

    /// What an application calls a user and her sign-on: `sub` and `sid`.
    pub(crate) fn known_as(
        &self,
        user: UserId,
        sign_on: SignOnId,
        client: &RegisteredClient,
    ) -> KnownAs {
        let subject = self.subject(user, &client.metadata);
        KnownAs { subject, session: self.session(sign_on, client.id), format: None }
    }

    /// `sid` of a sign-on for an application: no two call it the same.
    pub(crate) fn session(&self, sign_on: SignOnId, client: ClientId) -> String {
        self.subjects.session(sign_on, client)
    }

    /// What only a page of ours knows about `parts`, in Base64url: the same at every replica.
    pub(crate) fn confirmation(&self, parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.confirmations);
        for part in parts {
            context.update(part);
            context.update(&[0]);
        }
        data_encoding::BASE64URL_NOPAD.encode(context.sign().as_ref())
    }

    /// A new key of an algorithm, sealed.
    pub(crate) fn make_key(
        &self,
        (algorithm, generation, signs_from): (Algorithm, u64, Timestamp),
        made_at: Timestamp,
        rng: &mut (dyn rand::CryptoRng + Send + Sync),
    ) -> Result<StoredSigningKey, SealKeyError> {
        let document = SigningKey::generate(algorithm).map_err(|_| SealKeyError::Sealed)?;
        let key = SigningKey::from_pkcs8(algorithm, document.expose())
            .map_err(|_| SealKeyError::Sealed)?;
        let id = key.id().to_owned();
        let sealed = self.sealer.seal(&id, &document, rng)?;
        let algorithm = algorithm.code().to_owned();
        Ok(StoredSigningKey { id, algorithm, generation, sealed, made_at, signs_from })
    }

    /// The keys.
    pub(crate) async fn keys(&self, storage: &Storage) -> Result<Arc<KeySet>, StorageError> {
        self.look(storage).await?;
        Ok(self.read().keys.clone())
    }

    /// An application that speaks OAuth.
    pub(crate) async fn client(
        &self,
        storage: &Storage,
        id: ClientId,
    ) -> Result<Option<Arc<RegisteredClient>>, StorageError> {
        self.look(storage).await?;
        let revision = {
            let cached = self.read();
            if let Some(found) = cached.clients.get(&id) {
                return Ok(Some(found.clone()));
            }
            cached.revision.clone()
        };
        let stored = storage.read().await?.clients().find(id).await?;
        let Some(mut found) = stored.map(RegisteredClient::open).transpose()?.flatten() else {
            return Ok(None);
        };
        if self.strict {
            found.harden();
        }
        let found = Arc::new(found);
        let mut cached = self.write();
        // What was read before a change must not stay after it.
        if cached.revision == revision {
            if cached.clients.len() >= MOST {
                cached.clients.clear();
            }
            cached.clients.insert(id, found.clone());
        }
        Ok(Some(found))
    }

    /// What is kept in memory is looked at again at the next use: something was changed here.
    pub(crate) fn expire(&self) {
        self.write().looked_at = None;
    }

    /// Reads again what has changed, if it was not looked at for half a second.
    async fn look(&self, storage: &Storage) -> Result<(), StorageError> {
        let fresh = |at: Option<Instant>| at.is_some_and(|at| at.elapsed() < FRESH);
        if fresh(self.read().looked_at) {
            return Ok(());
        }
        let began = Instant::now();
        let mut transaction = storage.read().await?;
        let revision = transaction.settings().find(REVISION).await?;
        let changed = {
            let cached = self.read();
            cached.looked_at.is_none() || cached.revision != revision
        };
        let keys = if changed { Some(transaction.signing_keys().all().await?) } else { None };
        let mut cached = self.write();
        if let Some(keys) = keys {
            cached.keys = Arc::new(keys::open(&keys, &self.sealer));
            cached.clients.clear();
            cached.revision = revision;
        }
        cached.looked_at = Some(began);
        Ok(())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Cached> {
        self.cached.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Cached> {
        self.cached.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says to every replica, within the transaction, that keys or applications have changed.
pub(crate) async fn changed(
    transaction: &mut imp_storage::Transaction,
    rng: &mut (dyn rand::CryptoRng + Send + Sync),
) -> Result<(), StorageError> {
    let mut random = [0; 16];
    rng.fill_bytes(&mut random);
    transaction.settings().put(REVISION, &data_encoding::HEXLOWER.encode(&random)).await
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Provider({})", self.issuer)
    }
}
