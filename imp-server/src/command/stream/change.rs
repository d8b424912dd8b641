//! Another address, other types, other words.
use imp_events::{AttendanceRefused, Kind};
use imp_identity::event::StreamStatus;
use imp_identity::{Event, StreamId};
use imp_storage::StorageError;

use super::Author;
use super::create::{is_description, refuse_attendance};
use crate::command::Context;
use crate::store::{StoredStream, Tables as _};
use crate::stream::{InvalidTarget, SealError, Service, Stream, Target};

/// What is to change; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct StreamChange {
    /// Where it goes: pushed or polled, as before or the other.
    pub target: Option<Target>,
    /// The types that go out.
    pub kinds: Option<Vec<Kind>>,
    /// What its receiver says of it; `Some(None)` takes it back.
    pub description: Option<Option<String>>,
}

/// The stream was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeStreamError {
    /// There is none, or none that she may change.
    #[error("no such stream")]
    NotFound,
    /// The receiver may not have some of the types.
    #[error("the receiver may not have all of these types of events")]
    Kinds,
    /// The delivery cannot carry the stream's form, or nobody would poll.
    #[error("the stream cannot be delivered in this way")]
    Delivery,
    /// The description is too long.
    #[error("the description must have at most 512 characters, no control characters")]
    Description,
    /// It would be an attendance report.
    #[error(transparent)]
    Attendance(#[from] AttendanceRefused),
    /// Nothing can be delivered there.
    #[error("the target cannot be used")]
    Target(#[from] InvalidTarget),
    /// Its secrets cannot be sealed.
    #[error("could not seal the stream's secrets")]
    Seal(#[from] SealError),
    /// See the source.
    #[error("could not store the stream")]
    Storage(#[from] StorageError),
}

/// Changes a stream. It goes on where it was.
pub(crate) async fn change_stream(
    context: &mut Context<'_>,
    author: &Author,
    service: &Service,
    id: StreamId,
    change: StreamChange,
) -> Result<Stream, ChangeStreamError> {
    if let Some(target) = &change.target {
        service.workshop.check(target)?;
    }
    let mut transaction = context.storage.begin().await?;
    let found = transaction.streams().find(id).await?;
    let found = found.filter(|found| author.may_change(&found.stream));
    let StoredStream { mut stream, mut settings } = found.ok_or(ChangeStreamError::NotFound)?;
    if let Some(kinds) = change.kinds {
        refuse_attendance(&kinds)?;
        stream.kinds = kinds;
    }
    if let Some(receiver) = stream.receiver {
        let receiver = transaction.receivers().find(receiver).await?;
        if !receiver.is_some_and(|receiver| receiver.may_have(&stream.kinds)) {
            return Err(ChangeStreamError::Kinds);
        }
    }
    if let Some(target) = change.target {
        stream.delivery = target.delivery();
        let nobody_polls = matches!(target, Target::Poll) && stream.receiver.is_none();
        if !stream.form.fits(stream.delivery) || nobody_polls {
            return Err(ChangeStreamError::Delivery);
        }
        settings = service.sealer.seal(id, &target, context.rng)?;
    }
    if let Some(description) = change.description {
        if !description.as_deref().is_none_or(is_description) {
            return Err(ChangeStreamError::Description);
        }
        stream.description = description;
    }
    stream.revision += 1;
    let stored = StoredStream { stream, settings };
    transaction.streams().update(&stored).await?;
    let stream = stored.stream;
    let event = changed(&stream, author);
    context.append(&mut transaction, &author.actor, event).await?;
    transaction.commit().await?;
    Ok(stream)
}

/// What is recorded of a change.
pub(super) fn changed(stream: &Stream, author: &Author) -> Event {
    let status: StreamStatus = stream.status;
    let reason = stream.reason.clone();
    Event::StreamChanged { stream: stream.id, status, reason, receiver: author.receiver }
}
