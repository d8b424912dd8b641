//! Tokens that their receiver fetches (RFC 8936). What is not acknowledged comes again.
use std::collections::HashSet;

use imp_delivery::is_for_another;
use imp_identity::event::{Delivery, StreamStatus};
use imp_identity::{Event, StreamId};
use imp_storage::{Storage, StorageError, Transaction};
use uuid::Uuid;

use super::Author;
use crate::command::Context;
use crate::store::{Cursor, SetAside, Tables as _};
use crate::stream::{Message, Stream};

/// The most tokens in one answer.
const MOST: u32 = 100;
/// Entries that are read at once, and how often, for one poll.
const PAGE: u32 = 500;
const PAGES: u32 = 10;
/// The longest complaint that is kept, in characters.
const LONGEST_COMPLAINT: usize = 400;

/// What a receiver asks for (RFC 8936 §2.4).
#[derive(Clone, Debug, Default)]
pub struct Poll {
    /// At most so many tokens; without it, 100.
    pub most: Option<u32>,
    /// The tokens that it has.
    pub acknowledged: Vec<String>,
    /// The tokens that it will never take.
    pub complaints: Vec<Complaint>,
}

/// A token that a receiver does not take.
#[derive(Clone, Debug)]
pub struct Complaint {
    /// Its `jti`.
    pub id: String,
    /// What the receiver says.
    pub why: String,
}

/// What waits for a receiver.
#[derive(Clone, Debug)]
pub enum Token {
    /// An entry of the log.
    Entry(imp_events::Entry),
    /// Something about the stream.
    Message(Message),
}

/// What a receiver is given.
#[derive(Clone, Debug)]
pub struct Polled {
    /// The stream.
    pub stream: Stream,
    /// In order.
    pub tokens: Vec<Token>,
    /// Whether there is more at this moment.
    pub more: bool,
}

/// Nothing was given.
#[derive(Debug, thiserror::Error)]
pub enum PollStreamError {
    /// There is none that she may poll.
    #[error("no such stream")]
    NotFound,
    /// See the source.
    #[error("could not read the stream")]
    Storage(#[from] StorageError),
}

/// What one look into the log found.
struct Found {
    tokens: Vec<Token>,
    more: bool,
    /// Everything before it is taken or not wanted.
    next: u64,
}

/// Notes what was taken, and looks for what comes next.
pub async fn poll_stream(
    context: &mut Context<'_>,
    author: &Author,
    id: StreamId,
    poll: &Poll,
) -> Result<Polled, PollStreamError> {
    let stream = find(context.storage, author, id).await?;
    if !poll.acknowledged.is_empty() || !poll.complaints.is_empty() {
        note(context, &stream, poll).await?;
    }
    let most = poll.most.unwrap_or(MOST).min(MOST);
    if stream.status != StreamStatus::Enabled {
        return Ok(Polled { stream, tokens: vec![], more: false });
    }
    let mut reading = context.storage.read().await?;
    let cursor = cursor(&mut reading, &stream).await?.ok_or(PollStreamError::NotFound)?;
    let found =
        look(&mut reading, &stream, cursor.next, usize::try_from(most).unwrap_or(0)).await?;
    drop(reading);
    if found.next > cursor.next {
        advance(context.storage, &stream, cursor.next, found.next).await?;
    }
    Ok(Polled { stream, tokens: found.tokens, more: found.more })
}

async fn find(storage: &Storage, author: &Author, id: StreamId) -> Result<Stream, PollStreamError> {
    let found = storage.read().await?.streams().find(id).await?;
    let found = found.map(|found| found.stream);
    found
        .filter(|stream| author.may_change(stream) && stream.delivery == Delivery::Poll)
        .ok_or(PollStreamError::NotFound)
}

async fn cursor(
    transaction: &mut Transaction,
    stream: &Stream,
) -> Result<Option<Cursor>, StorageError> {
    transaction.consumers().find(&stream.consumer()).await
}

/// Remembers what the receiver has, and sets aside, with an alarm, what it will never take.
async fn note(context: &mut Context<'_>, stream: &Stream, poll: &Poll) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    let Some(Cursor { next, .. }) = cursor(&mut transaction, stream).await? else {
        return Ok(());
    };
    for id in &poll.acknowledged {
        take(&mut transaction, stream, id, next).await?;
    }
    for Complaint { id, why } in &poll.complaints {
        let Some(index) = take(&mut transaction, stream, id, next).await? else { continue };
        let why: String = why.chars().filter(|c| !c.is_control()).take(LONGEST_COMPLAINT).collect();
        let aside = SetAside { index, why: why.clone(), at: context.now, again: false };
        transaction.consumers().set_aside(&stream.consumer(), &aside).await?;
        let event = Event::EventSetAside { consumer: stream.consumer(), index, why };
        context.append(&mut transaction, &imp_identity::Actor::Server, event).await?;
    }
    transaction.commit().await
}

/// Strikes a token off: the index of its entry, if it has one and was not struck off before.
async fn take(
    transaction: &mut Transaction,
    stream: &Stream,
    id: &str,
    next: u64,
) -> Result<Option<u64>, StorageError> {
    let Ok(id) = id.parse::<Uuid>() else { return Ok(None) };
    if transaction.streams().delete_message(stream.id, id).await? {
        return Ok(None);
    }
    let entry = transaction.entries().find_event(id.into()).await?;
    let Some(entry) = entry.filter(|entry| entry.index >= next && stream.wants(&entry.kind)) else {
        return Ok(None);
    };
    let fresh = transaction.streams().acknowledge(stream.id, entry.index).await?;
    Ok(fresh.then_some(entry.index))
}

/// The oldest tokens that were not struck off.
async fn look(
    transaction: &mut Transaction,
    stream: &Stream,
    next: u64,
    most: usize,
) -> Result<Found, StorageError> {
    let messages = transaction.streams().messages(stream.id).await?;
    let mut tokens: Vec<_> =
        messages.into_iter().map(|stored| Token::Message(stored.message)).collect();
    let taken = transaction.streams().acknowledged(stream.id, next).await?;
    let taken: HashSet<_> = taken.into_iter().collect();
    let mut first = None;
    let mut at = next;
    let mut ended = false;
    for _ in 0..PAGES {
        if tokens.len() > most {
            ended = true;
            break;
        }
        let page = transaction.entries().page(at, PAGE).await?;
        let Some(last) = page.last() else {
            ended = true;
            break;
        };
        let after = last.index + 1;
        for stored in &page {
            if tokens.len() > most {
                break;
            }
            if taken.contains(&stored.index) || !stream.wants(&stored.kind) {
                continue;
            }
            let Some(entry) = stored.entry()? else { continue };
            let another = is_for_another(&entry.record.event, stream.application());
            if another || is_about(&entry, stream) {
                continue;
            }
            first.get_or_insert(entry.index);
            tokens.push(Token::Entry(entry));
        }
        at = after;
    }
    let more = tokens.len() > most || !ended;
    tokens.truncate(most);
    Ok(Found { tokens, more, next: first.unwrap_or(at) })
}

/// That a token of this stream was set aside is not sent on it: it would be refused as well.
fn is_about(entry: &imp_events::Entry, stream: &Stream) -> bool {
    let Event::EventSetAside { consumer, .. } = &entry.record.event else { return false };
    *consumer == stream.consumer()
}

/// Moves the cursor, unless somebody else has moved it.
async fn advance(
    storage: &Storage,
    stream: &Stream,
    from: u64,
    to: u64,
) -> Result<(), StorageError> {
    let mut transaction = storage.begin().await?;
    let cursor = cursor(&mut transaction, stream).await?;
    if let Some(cursor) = cursor.filter(|cursor| cursor.next == from) {
        transaction.consumers().update(&Cursor { next: to, ..cursor }).await?;
        transaction.streams().forget_acknowledged(stream.id, 0..to).await?;
    }
    transaction.commit().await
}
