//! What the runner of consumers changes: who runs a consumer, how far it came, what it could not digest.
use imp_identity::{Actor, Event};
use imp_storage::StorageError;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Context;
use crate::store::{Cursor, Lease, SetAside, Tables as _};

/// The longest text of a failure that is kept, in bytes.
const LONGEST: usize = 500;

/// What came of showing entries to a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It took, or did not want, everything before `next`.
    Taken {
        /// The first index that it has not taken.
        next: u64,
    },
    /// It took an entry that it had set aside before.
    TakenAgain {
        /// Which.
        index: u64,
    },
    /// It wants to be shown the same again, not before an instant.
    Failed {
        /// The instant.
        retry_at: Timestamp,
        /// What it said.
        why: String,
    },
    /// It cannot digest an entry.
    Poison {
        /// Which.
        index: u64,
        /// What it said.
        why: String,
        /// Whether this is worth an entry of its own.
        alarm: bool,
    },
}

/// Takes a consumer for `holder`, until `lasting` from now; answers how far it has come, or `None` while another server has it,
/// somebody has it paused, or it was deleted.
pub async fn lend_consumer(
    context: &Context<'_>,
    consumer: &str,
    holder: Uuid,
    lasting: SignedDuration,
) -> Result<Option<Cursor>, StorageError> {
    let now = context.now;
    let mut transaction = context.storage.begin().await?;
    let mut consumers = transaction.consumers();
    let Some(mut cursor) = consumers.find(consumer).await? else { return Ok(None) };
    let others = cursor.lease.is_some_and(|lease| lease.holder != holder && now < lease.until);
    if others || cursor.paused_at.is_some() {
        return Ok(None);
    }
    let until = now.checked_add(lasting).unwrap_or(Timestamp::MAX);
    cursor.lease = Some(Lease { holder, until });
    consumers.lend(consumer, cursor.lease).await?;
    transaction.commit().await?;
    Ok(Some(cursor))
}

/// Writes down what came of it; answers the cursor as it is now. `None`, and nothing is written, if another server took the
/// consumer over or somebody moved its cursor meanwhile.
pub async fn settle_consumer(
    context: &mut Context<'_>,
    before: &Cursor,
    holder: Uuid,
    shown: Shown,
) -> Result<Option<Cursor>, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.consumers().find(&before.consumer).await?;
    let ours = |cursor: &Cursor| {
        cursor.next == before.next && cursor.lease.is_some_and(|lease| lease.holder == holder)
    };
    let Some(mut cursor) = found.filter(ours) else { return Ok(None) };
    match shown {
        Shown::Taken { next } => {
            cursor.next = next;
            succeed(&mut cursor);
        }
        Shown::TakenAgain { index } => {
            transaction.consumers().take_back_one(&cursor.consumer, index).await?;
            succeed(&mut cursor);
        }
        Shown::Failed { retry_at, why } => {
            cursor.failures = cursor.failures.saturating_add(1);
            cursor.retry_at = Some(retry_at);
            cursor.last_error = Some(bounded(&why));
        }
        Shown::Poison { index, why, alarm } => {
            let why = bounded(&why);
            let aside = SetAside { index, why: why.clone(), at: context.now, again: false };
            transaction.consumers().set_aside(&cursor.consumer, &aside).await?;
            cursor.aside_in_row = cursor.aside_in_row.saturating_add(1);
            cursor.last_error = Some(why.clone());
            if alarm {
                let consumer = cursor.consumer.clone();
                let event = Event::EventSetAside { consumer, index, why };
                context.append(&mut transaction, &Actor::Server, event).await?;
            }
        }
    }
    transaction.consumers().update(&cursor).await?;
    transaction.commit().await?;
    Ok(Some(cursor))
}

fn succeed(cursor: &mut Cursor) {
    cursor.failures = 0;
    cursor.aside_in_row = 0;
    cursor.retry_at = None;
    cursor.last_error = None;
}

/// Lets others take over at once what `holder` ran.
pub async fn give_back_consumers(context: &Context<'_>, holder: Uuid) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    for cursor in transaction.consumers().all().await? {
        if cursor.lease.is_some_and(|lease| lease.holder == holder) {
            transaction.consumers().lend(&cursor.consumer, None).await?;
        }
    }
    transaction.commit().await
}

/// The beginning of a text.
fn bounded(text: &str) -> String {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
