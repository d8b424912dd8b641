//! What operators do to consumers: pause, resume, replay, show again what was set aside.
use imp_identity::event::Steering;
use imp_identity::{Actor, Event};
use imp_storage::{Storage, StorageError};

use super::Context;
use crate::store::{Cursor, SetAside, Tables as _};

/// A consumer, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerState {
    /// How far it has come.
    pub cursor: Cursor,
    /// Entries of the log that it has not taken.
    pub behind: u64,
    /// Entries that it could not digest.
    pub set_aside: u64,
}

/// What is to be done to a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    /// Show it nothing until it is resumed.
    Pause,
    /// Go on where it was, at once.
    Resume,
    /// Show it everything again from this index on.
    Replay {
        /// The index.
        from: u64,
    },
    /// Show it again what it had set aside.
    RetrySetAside,
}

/// The consumer was not steered.
#[derive(Debug, thiserror::Error)]
pub enum SteerConsumerError {
    /// No consumer of that name was ever run.
    #[error("there is no consumer of this name")]
    Unknown,
    /// It is paused, or is not.
    #[error("the consumer is in that state already")]
    Already,
    /// The log is not that long.
    #[error("the log has {size} entries")]
    Beyond {
        /// Its size.
        size: u64,
    },
    /// See the source.
    #[error("could not store it")]
    Storage(#[from] StorageError),
}

/// Every consumer that was ever run, by name.
pub async fn list_consumers(storage: &Storage) -> Result<Vec<ConsumerState>, StorageError> {
    let mut transaction = storage.read().await?;
    let last = transaction.entries().page_before(u64::MAX, 1).await?;
    let size = last.first().map_or(0, |entry| entry.index + 1);
    let mut states = Vec::new();
    for cursor in transaction.consumers().all().await? {
        let set_aside = transaction.consumers().count_aside(&cursor.consumer).await?;
        states.push(ConsumerState { behind: size.saturating_sub(cursor.next), cursor, set_aside });
    }
    Ok(states)
}

/// What a consumer has set aside from an index on, in order; at most 500.
pub async fn list_set_aside(
    storage: &Storage,
    consumer: &str,
    from: u64,
) -> Result<Vec<SetAside>, StorageError> {
    storage.read().await?.consumers().aside(consumer, from, 500).await
}

/// Pauses, resumes or replays a consumer, or has it shown again what it had set aside.
pub async fn steer_consumer(
    context: &mut Context<'_>,
    actor: Actor,
    consumer: &str,
    steer: Steer,
) -> Result<(), SteerConsumerError> {
    let origin = context.log_key.verifier_key().name().to_owned();
    let mut transaction = context.storage.begin().await?;
    let found = transaction.consumers().find(consumer).await?;
    let mut cursor = found.ok_or(SteerConsumerError::Unknown)?;
    let (steering, from) = match steer {
        Steer::Pause if cursor.paused_at.is_some() => return Err(SteerConsumerError::Already),
        Steer::Pause => {
            cursor.paused_at = Some(context.now);
            (Steering::Paused, None)
        }
        Steer::Resume if cursor.paused_at.is_none() && cursor.retry_at.is_none() => {
            return Err(SteerConsumerError::Already);
        }
        Steer::Resume => {
            forgive(&mut cursor);
            cursor.paused_at = None;
            (Steering::Resumed, None)
        }
        Steer::Replay { from } => {
            let size = transaction.log().head(&origin).await?.map_or(0, |head| head.size);
            if from > size {
                return Err(SteerConsumerError::Beyond { size });
            }
            forgive(&mut cursor);
            cursor.next = from;
            transaction.consumers().take_back(consumer, from).await?;
            (Steering::Replayed, Some(from))
        }
        Steer::RetrySetAside => {
            forgive(&mut cursor);
            transaction.consumers().show_again(consumer).await?;
            (Steering::Retried, None)
        }
    };
    transaction.consumers().update(&cursor).await?;
    let event = Event::ConsumerSteered { consumer: consumer.to_owned(), steering, from };
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(())
}

/// What failed before may be tried at once.
fn forgive(cursor: &mut Cursor) {
    cursor.failures = 0;
    cursor.aside_in_row = 0;
    cursor.retry_at = None;
    cursor.last_error = None;
}
