//! Erasing records of the log before their time (GDPR Art. 17): an administrator or operator asks, an auditor decides.
use imp_events::catalogue::{self, EarlyErasure};
use imp_identity::erasure::{Erasure, ErasureError, Scope, State};
use imp_identity::name::Remark;
use imp_identity::{Actor, ErasureId, UserId};
use imp_storage::{Storage, StorageError, Transaction};

use super::Context;
use crate::log;
use crate::store::{StoredEntry, Tables as _};

/// How many entries about a person are looked at in one transaction: it lasts some tens of milliseconds, and others
/// wait for it.
const BATCH: u32 = 200;

/// Nothing was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RequestErasureError {
    /// There is no such entry or person.
    #[error("there is no such entry or person")]
    NotFound,
    /// It was erased already.
    #[error("the record was erased already")]
    Erased,
    /// The law wants it kept.
    #[error("a record of {kind} is kept until its time: {ground}")]
    Kept {
        /// The kind of event.
        kind: String,
        /// Why.
        ground: &'static str,
    },
    /// See the source.
    #[error("could not store the request")]
    Storage(#[from] StorageError),
}

/// The request was not decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideErasureError {
    /// There is no such request.
    #[error("there is no such request")]
    NotFound,
    /// It cannot be decided so.
    #[error(transparent)]
    Refused(#[from] ErasureError),
    /// See the source.
    #[error("could not store the decision")]
    Storage(#[from] StorageError),
}

/// Asks that records be erased. What the law wants kept is refused at once.
pub async fn request_erasure(
    context: &mut Context<'_>,
    actor: Actor,
    scope: Scope,
    reason: Remark,
) -> Result<Erasure, RequestErasureError> {
    let mut transaction = context.storage.begin().await?;
    match scope {
        Scope::Record(index) => {
            let found = transaction.entries().find(index).await?;
            let entry = found.ok_or(RequestErasureError::NotFound)?;
            let ground = must_be_kept(&entry);
            if let Some(ground) = ground {
                return Err(RequestErasureError::Kept { kind: entry.kind, ground });
            }
            entry.content.ok_or(RequestErasureError::Erased)?;
        }
        Scope::Person(user) => {
            transaction.users().find(user).await?.ok_or(RequestErasureError::NotFound)?;
        }
    }
    let id = ErasureId::generate(context.now, &mut context.rng);
    let (erasure, event) = Erasure::request(id, scope, reason, actor.clone(), context.now);
    transaction.erasures().add(&erasure).await?;
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(erasure)
}

/// Approves a request, and carries out its first part. The rest follows in [`continue_erasures`].
pub async fn approve_erasure(
    context: &mut Context<'_>,
    auditor: UserId,
    id: ErasureId,
) -> Result<Erasure, DecideErasureError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.erasures().find(id).await?;
    let erasure = found.ok_or(DecideErasureError::NotFound)?.approve(auditor, context.now)?;
    let erasure = carry_out(context, &mut transaction, erasure).await?;
    transaction.commit().await?;
    Ok(erasure)
}

/// Refuses a request.
pub async fn refuse_erasure(
    context: &mut Context<'_>,
    auditor: UserId,
    id: ErasureId,
    reason: Remark,
) -> Result<Erasure, DecideErasureError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.erasures().find(id).await?;
    let erasure = found.ok_or(DecideErasureError::NotFound)?;
    let (erasure, event) = erasure.refuse(auditor, reason, context.now)?;
    transaction.erasures().update(&erasure).await?;
    context.append(&mut transaction, &Actor::User(auditor), event).await?;
    transaction.commit().await?;
    Ok(erasure)
}

/// The requests, latest first; at most 500.
pub async fn list_erasures(
    storage: &Storage,
    before: Option<ErasureId>,
    limit: u32,
) -> Result<Vec<Erasure>, StorageError> {
    storage.read().await?.erasures().page(before, limit).await
}

/// Carries out the next part of an approved request; `false` when there is none.
pub async fn continue_erasures(context: &mut Context<'_>) -> Result<bool, DecideErasureError> {
    if context.storage.read().await?.erasures().under_way().await?.is_none() {
        return Ok(false);
    }
    let mut transaction = context.storage.begin().await?;
    let Some(erasure) = transaction.erasures().under_way().await? else { return Ok(false) };
    carry_out(context, &mut transaction, erasure).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn carry_out(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    erasure: Erasure,
) -> Result<Erasure, DecideErasureError> {
    let State::Approved { by, next, .. } = erasure.state else {
        return Err(ErasureError::NotUnderWay.into());
    };
    let (entries, rest) = part(transaction, erasure.scope, next).await?;
    let mut erased = vec![];
    for entry in &entries {
        if must_be_kept(entry).is_none() && log::erase(transaction, entry).await? {
            erased.push(entry.index);
        }
    }
    let (erasure, event) = erasure.erased(erased, rest)?;
    transaction.erasures().update(&erasure).await?;
    if let Some(event) = event {
        context.append(transaction, &Actor::User(by), event).await?;
    }
    Ok(erasure)
}

/// The entries to look at now, and where to go on.
async fn part(
    transaction: &mut Transaction,
    scope: Scope,
    next: u64,
) -> Result<(Vec<StoredEntry>, Option<u64>), StorageError> {
    match scope {
        Scope::Record(index) => {
            Ok((transaction.entries().find(index).await?.into_iter().collect(), None))
        }
        Scope::Person(user) => {
            let entries = transaction.entries().of_user(user, next, BATCH).await?;
            let is_full = u32::try_from(entries.len()) == Ok(BATCH);
            let rest = entries.last().filter(|_| is_full).map(|last| last.index + 1);
            Ok((entries, rest))
        }
    }
}

/// Why a record may not be erased early; `None` when it may. A kind that this version does not know is kept.
fn must_be_kept(entry: &StoredEntry) -> Option<&'static str> {
    let Some(kind) = catalogue::find(&entry.kind) else {
        return Some("this version does not know the kind");
    };
    match kind.retention.early_erasure {
        EarlyErasure::Allowed => None,
        EarlyErasure::Refused => Some(kind.retention.ground),
    }
}
