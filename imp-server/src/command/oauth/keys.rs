//! The keys that sign tokens: made, shown, used, shown still, removed.
use imp_identity::{Actor, Event};
use imp_oauth::jose::Algorithm;
use imp_oauth::keys::{self, KeyState, Plan};
use imp_storage::{Storage, StorageError, Transaction};
use jiff::Timestamp;

use super::super::Context;
use crate::oauth::{self, Provider, SealKeyError};
use crate::store::{StoredSigningKey, Tables as _};

/// A key as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyState {
    /// `kid`.
    pub id: String,
    /// `alg`.
    pub algorithm: String,
    /// What it is for.
    pub state: KeyState,
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
    let stored = context.storage.read().await?.signing_keys().all().await?;
    if plan(&stored, provider, context.now) == Plan::default() {
        return Ok(0);
    }
    let mut transaction = context.storage.begin().await?;
    // Another replica may have been quicker.
    let stored = transaction.signing_keys().all().await?;
    let plan = plan(&stored, provider, context.now);
    let count = plan.create.len() + plan.remove.len();
    match carry_out(context, &mut transaction, provider, (&stored, plan), &Actor::Server).await {
        Ok(()) => {}
        Err(error) if made_elsewhere(&error) => return Ok(0),
        Err(error) => return Err(error),
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
    let stored = transaction.signing_keys().all().await?;
    let (times, now) = (oauth::times(&stored), context.now);
    for algorithm in Algorithm::SIGNING.iter().copied() {
        let next = times.iter().find(|key| key.algorithm == algorithm && key.active_at > now);
        let plan = match (haste, next) {
            (Haste::Compromised, _) => keys::plan_replacement(&times, algorithm, now),
            (Haste::Orderly, None) => {
                let create = vec![(algorithm, now + provider.rotation.lead)];
                Plan { create, remove: vec![] }
            }
            // It is shown already, and begins as soon as nobody is surprised.
            (Haste::Orderly, Some(next)) => {
                let from = next.active_at.min(now + provider.rotation.lead);
                transaction.signing_keys().begin(&next.id, from).await?;
                Plan::default()
            }
        };
        carry_out(context, &mut transaction, provider, (&stored, plan), actor).await?;
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
    let times = oauth::times(&keys);
    let states = times.iter().filter_map(|own| {
        let StoredSigningKey { id, algorithm, made_at, signs_from, .. } =
            keys.iter().find(|key| key.id == own.id)?.clone();
        let state = keys::state_of(own, &times, now);
        Some(SigningKeyState { id, algorithm, state, made_at, signs_from })
    });
    Ok(states.collect())
}

fn plan(stored: &[StoredSigningKey], provider: &Provider, now: Timestamp) -> Plan {
    keys::plan(&oauth::times(stored), Algorithm::SIGNING, &provider.rotation, now)
}

fn made_elsewhere(error: &KeepKeysError) -> bool {
    matches!(error, KeepKeysError::Storage(error) if error.is_unique_violation())
}

async fn carry_out(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    provider: &Provider,
    (stored, plan): (&[StoredSigningKey], Plan),
    actor: &Actor,
) -> Result<(), KeepKeysError> {
    for (algorithm, signs_from) in plan.create {
        let of = stored.iter().filter(|key| key.algorithm == algorithm.code());
        let generation = of.map(|key| key.generation).max().unwrap_or_default() + 1;
        let wanted = (algorithm, generation, signs_from);
        let key = provider.make_key(wanted, context.now, context.rng)?;
        transaction.signing_keys().add(&key).await?;
        let event = Event::SigningKeyMade { key: key.id, algorithm: key.algorithm };
        context.append(transaction, actor, event).await?;
    }
    for id in plan.remove {
        if transaction.signing_keys().remove(&id).await? {
            context.append(transaction, actor, Event::SigningKeyRetired { key: id }).await?;
        }
    }
    Ok(())
}
