//! Verification of a stream (SSF 1.0 §8.1.4): a token that comes back with what the receiver said.
use imp_delivery::{Push, PushSettings};
use imp_events::ConsumeError;
use imp_identity::StreamId;
use imp_identity::event::{Delivery, StreamStatus};
use imp_storage::{Storage, StorageError};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Author;
use crate::command::Context;
use crate::store::{StoredMessage, Tables as _};
use crate::stream::{Message, Service, Stream, Target};

/// SSF 1.0 §8.1.4.1.
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
/// The longest state, in characters.
const LONGEST_STATE: usize = 1024;
/// The least time between two verifications of a stream; `min_verification_interval` says it to receivers.
pub(crate) const INTERVAL: SignedDuration = SignedDuration::from_secs(5);
/// A message that could not be delivered for so long is dropped: its receiver has asked again meanwhile.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// No verification is sent.
#[derive(Debug, thiserror::Error)]
pub enum VerifyStreamError {
    /// There is none, or not hers, or one that carries no tokens.
    #[error("no such stream")]
    NotFound,
    /// The state is too long.
    #[error("the state must have at most 1024 characters")]
    State,
    /// Another is on its way.
    #[error("a verification was asked for less than 5 seconds ago")]
    TooSoon,
    /// See the source.
    #[error("could not store the verification")]
    Storage(#[from] StorageError),
}

/// Has a verification event sent on the stream, with `state` as the receiver said it.
pub async fn verify_stream(
    context: &mut Context<'_>,
    author: &Author,
    id: StreamId,
    state: Option<String>,
) -> Result<(), VerifyStreamError> {
    if state.as_ref().is_some_and(|state| state.chars().count() > LONGEST_STATE) {
        return Err(VerifyStreamError::State);
    }
    let mut transaction = context.storage.begin().await?;
    let found = transaction.streams().find(id).await?;
    let found = found.filter(|found| author.may_change(&found.stream));
    let stream = found.ok_or(VerifyStreamError::NotFound)?.stream;
    if !matches!(stream.delivery, Delivery::Push | Delivery::Poll) {
        return Err(VerifyStreamError::NotFound);
    }
    let waiting = transaction.streams().messages(id).await?;
    for earlier in &waiting {
        if context.now.duration_since(earlier.made_at) < INTERVAL {
            return Err(VerifyStreamError::TooSoon);
        }
        // The newest state is the one that the receiver waits for.
        transaction.streams().delete_message(id, earlier.message.id).await?;
    }
    let payload = state.map_or_else(|| json!({}), |state| json!({ "state": state }));
    let message = Message {
        id: imp_identity::EventId::generate(context.now, &mut context.rng).as_uuid(),
        uri: VERIFICATION.to_owned(),
        payload,
    };
    let stored = StoredMessage { message, stream: id, made_at: context.now };
    transaction.streams().add_message(&stored).await?;
    Ok(transaction.commit().await?)
}

/// Pushes what waits on streams that are pushed and enabled.
pub(crate) async fn deliver_messages(
    storage: &Storage,
    service: &Service,
    now: Timestamp,
) -> Result<(), StorageError> {
    let streams = storage.read().await?.streams().all().await?;
    let pushed = streams.into_iter().filter(|stored| {
        stored.stream.delivery == Delivery::Push && stored.stream.status == StreamStatus::Enabled
    });
    for stored in pushed {
        let waiting = storage.read().await?.streams().messages(stored.stream.id).await?;
        if waiting.is_empty() {
            continue;
        }
        let Ok(Target::Push(settings)) = service.sealer.open(stored.stream.id, &stored.settings)
        else {
            continue;
        };
        for message in waiting {
            let delivered = push(&stored.stream, &settings, service, &message, now).await;
            let overdue = now.duration_since(message.made_at) > LIFETIME;
            if delivered || overdue {
                let mut transaction = storage.begin().await?;
                let (stream, message) = (stored.stream.id, message.message.id);
                transaction.streams().delete_message(stream, message).await?;
                transaction.commit().await?;
            }
        }
    }
    Ok(())
}

/// Whether there is nothing more to try.
async fn push(
    stream: &Stream,
    settings: &PushSettings,
    service: &Service,
    message: &StoredMessage,
    now: Timestamp,
) -> bool {
    let token = service.issuer.message(&message.message, stream.id, &stream.audience, now);
    let push: Result<Push, _> = service.workshop.push(stream, settings);
    let (Ok(token), Ok(push)) = (token, push) else { return true };
    match push.push(token).await {
        Ok(()) => true,
        Err(ConsumeError::Poison { why, .. }) => {
            tracing::warn!(stream.id = %stream.id, why, "a receiver refused a verification");
            true
        }
        Err(ConsumeError::Retry { why, .. }) => {
            tracing::info!(stream.id = %stream.id, why, "a verification could not be delivered yet");
            false
        }
    }
}
