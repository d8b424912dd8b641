//! The keys that sign tokens: made, shown, used, shown still, removed.
use imp_identity::{Actor, Event};
use imp_storage::{Storage, StorageError, Transaction};
use jiff::Timestamp;

use super::super::Context;
use crate::oauth::{self, KeyUse, Provider, SealKeyError};
use crate::store::{StoredSigningKey, Tables as _};

/// A key as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyState {
    /// `kid`.
    pub id: String,
    /// `alg`.
    pub algorithm: String,
    /// What it is for.
    pub use_of: KeyUse,
    /// When it was made.
    pub made_at: Timestamp,
    /// From when on it signs.
    pub signs_from: Timestamp,
}

/// How quickly the keys change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// The next key is shown first: nobody notices.
    Orderly,
    /// At once, and what the old keys signed counts no longer: somebody else has them.
    Compromised,
}

/// The keys were not changed.
#[derive(Debug, thiserror::Error)]
pub enum KeepKeysError {
    /// See the source.
    #[error("could not make a signing key")]
    Seal(#[from] SealKeyError),
    /// See the source.
    #[error("could not store the signing keys")]
    Storage(#[from] StorageError),
}

/// Makes the keys that are due, and removes those whose time is over. Answers how many were changed.
pub async fn keep_signing_keys(
    context: &mut Context<'_>,
    provider: &Provider,
) -> Result<usize, KeepKeysError> {
    let keys = context.storage.read().await?.signing_keys().all().await?;
    let due = provider.rotation.due(&keys, context.now);
    if due == oauth::Due::default() {
        return Ok(0);
    }
    let mut transaction = context.storage.begin().await?;
    // Another replica may have been quicker.
    let keys = transaction.signing_keys().all().await?;
    let due = provider.rotation.due(&keys, context.now);
    let count = due.make.len() + due.remove.len();
    for wanted in due.make {
        make(context, &mut transaction, provider, wanted, &Actor::Server).await?;
    }
    for id in due.remove {
        retire(context, &mut transaction, id, &Actor::Server).await?;
    }
    oauth::changed(&mut transaction, context.rng).await?;
    match transaction.commit().await {
        Ok(()) => {
            provider.expire();
            Ok(count)
        }
        // Another replica made the same generation.
        Err(error) if error.is_unique_violation() => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Begins a change of keys before its time.
pub async fn rotate_signing_keys(
    context: &mut Context<'_>,
    provider: &Provider,
    actor: &Actor,
    haste: Haste,
) -> Result<(), KeepKeysError> {
    let mut transaction = context.storage.begin().await?;
    let keys = transaction.signing_keys().all().await?;
    let signs_from = match haste {
        Haste::Orderly => context.now + provider.rotation.overlap,
        Haste::Compromised => context.now,
    };
    for algorithm in imp_oauth::jose::Algorithm::SIGNING.iter().copied() {
        let of: Vec<_> = keys.iter().filter(|key| key.algorithm == algorithm.code()).collect();
        let newest = of.iter().map(|key| key.generation).max().unwrap_or_default();
        let next = of.iter().find(|key| key.signs_from > context.now);
        match (haste, next) {
            // It is shown already: nobody has to be surprised.
            (Haste::Orderly, Some(next)) => {
                let shown = next.made_at + provider.rotation.overlap;
                let from = next.signs_from.min(shown.max(context.now));
                transaction.signing_keys().begin(&next.id, from).await?;
            }
            (Haste::Orderly, None) | (Haste::Compromised, _) => {
                let wanted = (algorithm, newest + 1, signs_from);
                make(context, &mut transaction, provider, wanted, actor).await?;
            }
        }
    }
    if haste == Haste::Compromised {
        for key in keys {
            retire(context, &mut transaction, key.id, actor).await?;
        }
    }
    oauth::changed(&mut transaction, context.rng).await?;
    transaction.commit().await?;
    provider.expire();
    Ok(())
}

/// Every key with what it is for.
pub async fn list_signing_keys(
    storage: &Storage,
    now: Timestamp,
) -> Result<Vec<SigningKeyState>, StorageError> {
    let keys = storage.read().await?.signing_keys().all().await?;
    let state = |(key, use_of, _): (&StoredSigningKey, KeyUse, Option<Timestamp>)| {
        let StoredSigningKey { id, algorithm, made_at, signs_from, .. } = key.clone();
        SigningKeyState { id, algorithm, use_of, made_at, signs_from }
    };
    Ok(oauth::uses(&keys, now).into_iter().map(state).collect())
}

async fn make(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    provider: &Provider,
    wanted: (imp_oauth::jose::Algorithm, u64, Timestamp),
    actor: &Actor,
) -> Result<(), KeepKeysError> {
    let key = provider.make_key(wanted, context.now, context.rng)?;
    transaction.signing_keys().add(&key).await?;
    let event = Event::SigningKeyMade { key: key.id, algorithm: key.algorithm };
    context.append(transaction, actor, event).await?;
    Ok(())
}

async fn retire(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    id: String,
    actor: &Actor,
) -> Result<(), StorageError> {
    if transaction.signing_keys().remove(&id).await? {
        context.append(transaction, actor, Event::SigningKeyRetired { key: id }).await?;
    }
    Ok(())
}
