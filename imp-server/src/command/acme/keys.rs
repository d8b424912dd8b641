//! Keys that bind accounts to devices (RFC 8555 §7.3.4).
use data_encoding::BASE64URL_NOPAD;
use imp_identity::{Actor, DeviceId, Event, Secret};
use imp_pki::acme::account::AccountStatus;
use imp_storage::{Storage, StorageError};
use jiff::{SignedDuration, Timestamp};

use crate::acme::{AcmeSealError, KeySealer};
use crate::command::Context;
use crate::store::{AcmeKey, Tables as _};

/// The most devices of one key.
const MOST: usize = 1000;

/// A new key. It is not shown again.
#[derive(Debug)]
pub struct AcmeKeyMade {
    /// `kid`.
    pub id: String,
    /// The key in base64url, as clients want it.
    pub key: Secret<String>,
    /// First instant at which it makes no account.
    pub expires_at: Timestamp,
}

/// A key as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ShownAcmeKey {
    /// `kid`.
    pub id: String,
    /// For which devices.
    pub devices: Vec<DeviceId>,
    /// Whether it makes more than one account.
    pub reusable: bool,
    /// How many accounts it made.
    pub accounts: usize,
    /// First instant at which it makes no account.
    pub expires_at: Timestamp,
}

/// The key was not made.
#[derive(Debug, thiserror::Error)]
pub enum AddAcmeKeyError {
    /// A device does not exist.
    #[error("there is no device {0}")]
    NoDevice(DeviceId),
    /// There are none, or too many.
    #[error("a key is for 1 to {MOST} devices")]
    Count,
    /// See the source.
    #[error("could not seal the key")]
    Seal(#[from] AcmeSealError),
    /// See the source.
    #[error("could not store the key")]
    Storage(#[from] StorageError),
}

/// Makes a key with which an account for some devices is made within `lifetime`; `reusable`: any number of accounts.
pub(crate) async fn add_acme_key(
    context: &mut Context<'_>,
    actor: &Actor,
    seal: &KeySealer,
    mut devices: Vec<DeviceId>,
    (lifetime, reusable): (SignedDuration, bool),
) -> Result<AcmeKeyMade, AddAcmeKeyError> {
    devices.sort();
    devices.dedup();
    if !(1..=MOST).contains(&devices.len()) {
        return Err(AddAcmeKeyError::Count);
    }
    let (mut id, mut secret) = ([0; 12], vec![0; 32]);
    context.rng.fill_bytes(&mut id);
    context.rng.fill_bytes(&mut secret);
    let (id, secret) = (BASE64URL_NOPAD.encode(&id), Secret::new(secret));
    let sealed = seal.seal(&id, &secret, context.rng)?;
    let (made_at, expires_at) = (context.now, context.now + lifetime);
    let made_by = actor.clone();
    let key = AcmeKey { id, sealed, reusable, made_at, made_by, expires_at, removed_at: None };
    let mut transaction = context.storage.begin().await?;
    for device in &devices {
        let found = transaction.devices().find(*device).await?;
        found.ok_or(AddAcmeKeyError::NoDevice(*device))?;
    }
    transaction.acme().add_key(&key, &devices).await?;
    for device in devices {
        // Whoever holds the key may ask with a key that nobody has compared.
        transaction.approvals().end(device, context.now).await?;
        let event = Event::DeviceInvited { device, expires_at };
        context.append(&mut transaction, actor, event).await?;
    }
    transaction.commit().await?;
    let secret = Secret::new(BASE64URL_NOPAD.encode(secret.expose()));
    Ok(AcmeKeyMade { id: key.id, key: secret, expires_at })
}

/// Every key that was not taken away.
pub async fn list_acme_keys(storage: &Storage) -> Result<Vec<ShownAcmeKey>, StorageError> {
    let mut reading = storage.read().await?;
    let mut shown = vec![];
    for key in reading.acme().keys().await? {
        shown.push(ShownAcmeKey {
            devices: reading.acme().devices_of_key(&key.id).await?,
            accounts: reading.acme().accounts_of_key(&key.id).await?.len(),
            id: key.id,
            reusable: key.reusable,
            expires_at: key.expires_at,
        });
    }
    Ok(shown)
}

/// Takes a key away: its accounts count no longer. Certificates do, until they are revoked. Answers whether there was one.
pub async fn remove_acme_key(
    context: &mut Context<'_>,
    actor: &Actor,
    id: &str,
) -> Result<bool, StorageError> {
    let mut transaction = context.storage.begin().await?;
    if !transaction.acme().remove_key(id, context.now).await? {
        return Ok(false);
    }
    for device in transaction.acme().devices_of_key(id).await? {
        let event = Event::DeviceChanged { device, attributes: vec!["acme-key".to_owned()] };
        context.append(&mut transaction, actor, event).await?;
    }
    for mut account in transaction.acme().accounts_of_key(id).await? {
        if account.status != AccountStatus::Valid {
            continue;
        }
        account.status = AccountStatus::Revoked;
        transaction.acme().update_account(&account).await?;
        let event = Event::AcmeAccountChanged { account: account.id, change: "revoked".to_owned() };
        context.append(&mut transaction, actor, event).await?;
    }
    transaction.commit().await?;
    Ok(true)
}
