//! Searching the log.
use imp_events::Question;
use imp_events::attendance::Form;
use imp_events::sentence::sentence;
use imp_identity::event::Reading;
use imp_identity::{Actor, Record};
use imp_storage::{Storage, StorageError, Transaction};
use jiff::Timestamp;

use super::ask::{AskError, permit_question, record_reading, with_times};
use super::known_names::KnownNames;
use crate::command::Context;
use crate::store::{Direction, StoredEntry, Tables as _};

/// Which page of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// Where it begins, and which way it goes.
    pub direction: Direction,
    /// At most so many entries, 1 to 500.
    pub limit: u32,
}

/// An entry, as a reviewer sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reviewed {
    /// Its leaf index.
    pub index: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// The event's name.
    pub kind: String,
    /// The record; `None` once it is erased.
    pub record: Option<Record>,
}

/// A page of entries.
#[derive(Clone, Debug)]
pub struct SearchPage {
    /// The question that was answered: with the times that were meant where none were named.
    pub question: Question,
    /// The entries, in the order that was asked for; perhaps fewer than were asked for even if there are more.
    pub entries: Vec<Reviewed>,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<u64>,
    /// What is called what.
    pub names: KnownNames,
}

impl Reviewed {
    pub(super) fn read(stored: StoredEntry) -> Result<Self, StorageError> {
        let entry = stored.entry()?;
        let StoredEntry { index, at, kind, .. } = stored;
        Ok(Self { index, at, kind, record: entry.map(|entry| entry.record) })
    }

    /// What it says, in a sentence.
    pub fn sentence(&self, names: &KnownNames) -> String {
        match &self.record {
            Some(record) => sentence(record, names),
            None => format!("{}: the record was erased", self.kind.replace('-', " ")),
        }
    }
}

/// One page of the entries that a question asks for. Who asks about a person and names no time asks about the last
/// 24 hours, unless for an open case. Appends `log-read`.
pub async fn search_events(
    context: &mut Context<'_>,
    actor: &Actor,
    question: Question,
    paging: Paging,
) -> Result<SearchPage, AskError> {
    let question = with_times(question, context.now);
    let mut transaction = context.storage.read().await?;
    permit_question(&mut transaction, actor, &question, Form::Pages, context.now).await?;
    let page = page(&mut transaction, question, paging).await?;
    drop(transaction);
    record_reading(context, actor, Reading::Search, &page.question).await?;
    Ok(page)
}

/// One page of an answer that was begun ([`begin_reading`](super::begin_reading)). Appends nothing.
pub async fn read_page(
    storage: &Storage,
    question: &Question,
    paging: Paging,
) -> Result<SearchPage, StorageError> {
    page(&mut storage.read().await?, question.clone(), paging).await
}

async fn page(
    transaction: &mut Transaction,
    question: Question,
    paging: Paging,
) -> Result<SearchPage, StorageError> {
    let found = transaction.search().page(&question, paging.direction, paging.limit).await?;
    let (entries, names) = reviewed(transaction, found.entries).await?;
    Ok(SearchPage { question, entries, next: found.next, names })
}

/// Entries with the names of what they mention.
pub(super) async fn reviewed(
    transaction: &mut Transaction,
    stored: Vec<StoredEntry>,
) -> Result<(Vec<Reviewed>, KnownNames), StorageError> {
    let entries: Vec<_> = stored.into_iter().map(Reviewed::read).collect::<Result<_, _>>()?;
    let records = entries.iter().filter_map(|entry| entry.record.as_ref());
    let names = KnownNames::of(transaction, records).await?;
    Ok((entries, names))
}
