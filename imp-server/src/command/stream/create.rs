//! A new stream.
use imp_events::{AttendanceRefused, Circumstances, Form as ReadingForm, Kind, Question};
use imp_identity::event::StreamStatus;
use imp_identity::name::Label;
use imp_identity::{Event, ReceiverId, StreamId};
use imp_storage::{StorageError, Transaction};

use super::Author;
use crate::command::Context;
use crate::command::receiver::is_audience;
use crate::store::{StoredStream, Tables as _};
use crate::stream::{
    Form, InvalidTarget, MOST_OF_RECEIVER, MOST_STREAMS, SealError, Service, Stream, Target,
};

/// What a stream is to be.
#[derive(Clone, Debug)]
pub struct NewStream {
    /// As people call it.
    pub name: Label,
    /// Whose it is; a poll stream must have one, because somebody must poll.
    pub receiver: Option<ReceiverId>,
    /// Where it goes.
    pub target: Target,
    /// The types that go out; every type, without one.
    pub kinds: Vec<Kind>,
    /// How events are written; without one, as is usual for the delivery.
    pub form: Option<Form>,
    /// `aud` of its tokens; without one, the receiver's, or else the stream's identifier.
    pub audience: Option<String>,
    /// What its receiver says of it.
    pub description: Option<String>,
    /// The first entry that goes out; without one, the next that is appended.
    pub from: Option<u64>,
}

/// No stream was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateStreamError {
    /// Another has the name.
    #[error("another stream has this name")]
    NameTaken,
    /// There are enough.
    #[error("there are as many streams as there may be: 64, and 8 of one receiver")]
    TooMany,
    /// The receiver does not exist.
    #[error("no such receiver")]
    NoReceiver,
    /// Nobody could fetch its tokens.
    #[error("a stream that is polled needs a receiver, with whose token it is polled")]
    NobodyPolls,
    /// The receiver may not have some of the types.
    #[error("the receiver may not have all of these types of events")]
    Kinds,
    /// The delivery cannot carry the form.
    #[error("{delivery} cannot carry the form {form}")]
    Form {
        /// The delivery.
        delivery: &'static str,
        /// The form.
        form: Form,
    },
    /// The audience is not one.
    #[error("the audience must be 1 to 512 printable ASCII characters")]
    Audience,
    /// The description is too long.
    #[error("the description must have at most 512 characters, no control characters")]
    Description,
    /// The log is not that long.
    #[error("the log has {size} entries")]
    Beyond {
        /// Its size.
        size: u64,
    },
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

/// Makes a stream.
pub(crate) async fn create_stream(
    context: &mut Context<'_>,
    author: &Author,
    service: &Service,
    new: NewStream,
) -> Result<Stream, CreateStreamError> {
    refuse_attendance(&new.kinds)?;
    service.workshop.check(&new.target)?;
    let mut transaction = context.storage.begin().await?;
    let stream = stream(context, &mut transaction, &new).await?;
    let begin = begin(context, &mut transaction, new.from).await?;
    let settings = service.sealer.seal(stream.id, &new.target, context.rng)?;
    let stored = StoredStream { stream, settings };
    transaction.streams().add(&stored).await?;
    let stream = stored.stream;
    transaction.consumers().begin_at(&stream.consumer(), begin).await?;
    let event = Event::StreamCreated {
        stream: stream.id,
        name: stream.name.clone(),
        delivery: stream.delivery,
        receiver: author.receiver,
    };
    context.append(&mut transaction, &author.actor, event).await?;
    transaction.commit().await?;
    Ok(stream)
}

async fn stream(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    new: &NewStream,
) -> Result<Stream, CreateStreamError> {
    let id = StreamId::generate(context.now, &mut context.rng);
    let delivery = new.target.delivery();
    let form = new.form.unwrap_or_else(|| Form::usual(delivery));
    if !form.fits(delivery) {
        return Err(CreateStreamError::Form { delivery: delivery.code(), form });
    }
    if !new.description.as_deref().is_none_or(is_description) {
        return Err(CreateStreamError::Description);
    }
    if transaction.streams().find_name(&new.name).await?.is_some() {
        return Err(CreateStreamError::NameTaken);
    }
    if transaction.streams().count().await? >= MOST_STREAMS {
        return Err(CreateStreamError::TooMany);
    }
    let mut audience = new.audience.clone();
    if let Some(receiver) = new.receiver {
        let receiver = transaction.receivers().find(receiver).await?;
        let receiver = receiver.ok_or(CreateStreamError::NoReceiver)?;
        if !receiver.may_have(&new.kinds) {
            return Err(CreateStreamError::Kinds);
        }
        let own = transaction.streams().of_receiver(receiver.id).await?.len();
        if u64::try_from(own).unwrap_or(u64::MAX) >= MOST_OF_RECEIVER {
            return Err(CreateStreamError::TooMany);
        }
        audience = audience.or(Some(receiver.audience));
    } else if let Target::Poll = new.target {
        return Err(CreateStreamError::NobodyPolls);
    }
    let audience = audience.unwrap_or_else(|| format!("urn:imp:stream:{id}"));
    if !is_audience(&audience) {
        return Err(CreateStreamError::Audience);
    }
    Ok(Stream {
        id,
        name: new.name.clone(),
        receiver: new.receiver,
        delivery,
        kinds: new.kinds.clone(),
        form,
        audience,
        description: new.description.clone(),
        status: StreamStatus::Enabled,
        reason: None,
        revision: 0,
        created_at: context.now,
    })
}

async fn begin(
    context: &Context<'_>,
    transaction: &mut Transaction,
    from: Option<u64>,
) -> Result<u64, CreateStreamError> {
    let size = size(context, transaction).await?;
    match from {
        None => Ok(size),
        Some(from) if from <= size => Ok(from),
        Some(_) => Err(CreateStreamError::Beyond { size }),
    }
}

/// How many entries the log has.
pub(super) async fn size(
    context: &Context<'_>,
    transaction: &mut Transaction,
) -> Result<u64, StorageError> {
    let origin = context.log_key.verifier_key().name();
    Ok(transaction.log().head(origin).await?.map_or(0, |head| head.size))
}

/// A stream follows the log, live.
pub(super) fn refuse_attendance(kinds: &[Kind]) -> Result<(), AttendanceRefused> {
    let question = Question { kinds: kinds.to_vec(), ..Question::default() };
    let circumstances =
        Circumstances { form: ReadingForm::Live, case_is_open: false, earlier: &[] };
    imp_events::refuse_attendance(&question, &circumstances)
}

/// Whether it can be shown.
pub(super) fn is_description(text: &str) -> bool {
    text.chars().count() <= 512 && !text.chars().any(char::is_control)
}
