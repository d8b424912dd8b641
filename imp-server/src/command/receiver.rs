//! Receivers of security events, which manage streams of their own with a token (SSF 1.0 §7).
use data_encoding::BASE64URL_NOPAD;
use imp_events::Kind;
use imp_identity::name::Label;
use imp_identity::{Actor, Digest, Event, ReceiverId, Secret};
use imp_storage::{Storage, StorageError};

use super::Context;
use crate::store::Tables as _;
use crate::stream::Receiver;

/// The most receivers that an installation has.
const MOST: usize = 64;

/// Who is let in.
#[derive(Clone, Debug)]
pub struct NewReceiver {
    /// As people call it.
    pub name: Label,
    /// `aud` of its tokens; without one, a URN of its identifier.
    pub audience: Option<String>,
    /// What it may have; every type, without one.
    pub kinds: Vec<Kind>,
}

/// A receiver was let in.
#[derive(Debug)]
pub struct ReceiverAdmitted {
    /// Who.
    pub receiver: Receiver,
    /// Its bearer token, which is shown once and stored by digest.
    pub token: Secret<String>,
}

/// Nobody was let in.
#[derive(Debug, thiserror::Error)]
pub enum AdmitReceiverError {
    /// Somebody has the name.
    #[error("another receiver has this name")]
    NameTaken,
    /// There are enough.
    #[error("there are 64 receivers already")]
    TooMany,
    /// The audience is not one.
    #[error("the audience must be 1 to 512 printable ASCII characters")]
    Audience,
    /// See the source.
    #[error("could not store the receiver")]
    Storage(#[from] StorageError),
}

/// The receiver was not dismissed.
#[derive(Debug, thiserror::Error)]
pub enum DismissReceiverError {
    /// There is none.
    #[error("no such receiver")]
    NotFound,
    /// See the source.
    #[error("could not remove the receiver")]
    Storage(#[from] StorageError),
}

/// Lets a receiver in.
pub async fn admit_receiver(
    context: &mut Context<'_>,
    actor: Actor,
    new: NewReceiver,
) -> Result<ReceiverAdmitted, AdmitReceiverError> {
    let id = ReceiverId::generate(context.now, &mut context.rng);
    let audience = new.audience.unwrap_or_else(|| format!("urn:imp:receiver:{id}"));
    if !is_audience(&audience) {
        return Err(AdmitReceiverError::Audience);
    }
    let (token, digest) = generate(context);
    let NewReceiver { name, kinds, .. } = new;
    let receiver = Receiver { id, name, audience, kinds, admitted_at: context.now };
    let mut transaction = context.storage.begin().await?;
    let others = transaction.receivers().all().await?;
    if others.iter().any(|other| other.name == receiver.name) {
        return Err(AdmitReceiverError::NameTaken);
    }
    if others.len() >= MOST {
        return Err(AdmitReceiverError::TooMany);
    }
    transaction.receivers().add(&receiver, digest).await?;
    let event = Event::ReceiverAdmitted { receiver: id, name: receiver.name.clone() };
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(ReceiverAdmitted { receiver, token })
}

/// Ends a receiver's token and deletes its streams.
pub async fn dismiss_receiver(
    context: &mut Context<'_>,
    actor: Actor,
    id: ReceiverId,
) -> Result<(), DismissReceiverError> {
    let mut transaction = context.storage.begin().await?;
    transaction.receivers().find(id).await?.ok_or(DismissReceiverError::NotFound)?;
    for stored in transaction.streams().of_receiver(id).await? {
        transaction.streams().delete(stored.stream.id).await?;
        transaction.consumers().delete(&stored.stream.consumer()).await?;
        let event = Event::StreamDeleted { stream: stored.stream.id, receiver: None };
        context.append(&mut transaction, &actor, event).await?;
    }
    transaction.receivers().delete(id).await?;
    let event = Event::ReceiverDismissed { receiver: id };
    context.append(&mut transaction, &actor, event).await?;
    Ok(transaction.commit().await?)
}

/// Every receiver, by name.
pub async fn list_receivers(storage: &Storage) -> Result<Vec<Receiver>, StorageError> {
    storage.read().await?.receivers().all().await
}

/// The receiver that holds a bearer token.
pub async fn authenticate_receiver(
    storage: &Storage,
    token: &str,
) -> Result<Option<Receiver>, StorageError> {
    storage.read().await?.receivers().of_token(digest(token)).await
}

/// Whether it can stand in `aud`.
pub(crate) fn is_audience(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn generate(context: &mut Context<'_>) -> (Secret<String>, Digest) {
    let mut random = zeroize::Zeroizing::new([0; 32]);
    context.rng.fill_bytes(random.as_mut_slice());
    let token = BASE64URL_NOPAD.encode(random.as_slice());
    let digest = digest(&token);
    (Secret::new(token), digest)
}

/// A token has 256 random bits, so a plain digest suffices.
fn digest(token: &str) -> Digest {
    Digest::of(&[b"imp receiver token", token.as_bytes()])
}
