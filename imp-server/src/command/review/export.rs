//! Exports: the answers to a question in another system's language, piece by piece and in order.
//!
//! An export ends where the log ended when it was asked for, so it ends, however fast the log grows; the next one begins
//! there. No transaction is open between two pieces, and no more than one piece is in memory.
use imp_events::attendance::Form;
use imp_events::export::{Export, Format, Mentioned, Names, Source};
use imp_events::{Entry, Question};
use imp_identity::Actor;
use imp_identity::event::Reading;
use imp_storage::{Storage, StorageError, Transaction};

use super::ask::{AskError, Begun, begin_reading};
use crate::command::Context;
use crate::store::{Direction, StoredEntry, Tables as _};

/// Entries of a piece, at most.
const PIECE: u32 = 500;

/// What is to be exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportLog {
    /// The language.
    pub format: Format,
    /// Which entries.
    pub question: Question,
    /// Only those after this index: where an earlier export ended.
    pub after: Option<u64>,
    /// Whether people are named, and texts that they wrote included.
    pub names: bool,
}

/// An export that was allowed and recorded.
#[derive(Debug)]
pub struct LogExport {
    storage: Storage,
    source: Source,
    export: ExportLog,
    /// The index of the entry that records the export: those before it are exported.
    until: u64,
    done: bool,
}

/// Whole lines of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The lines; perhaps none.
    pub lines: Vec<u8>,
    /// Every entry up to this index was looked at: an export after it goes on behind these lines.
    pub after: u64,
}

/// Allows an export, or refuses what would be an attendance report; appends `log-read`.
pub async fn export_log(
    context: &mut Context<'_>,
    actor: &Actor,
    source: Source,
    export: ExportLog,
) -> Result<LogExport, AskError> {
    let ExportLog { format, question, after, names } = export;
    let begun = begin_reading(context, actor, question, form(format), Reading::Export).await?;
    let Begun { question, index: until } = begun;
    let done = until == 0 || after.is_some_and(|after| after >= until - 1);
    let export = ExportLog { format, question, after, names };
    Ok(LogExport { storage: context.storage.clone(), source, export, until, done })
}

/// A table is made for sorting; everything else is made for keeping.
const fn form(format: Format) -> Form {
    match format {
        Format::Csv => Form::Table,
        Format::Fhir | Format::Atna | Format::Ocsf | Format::Cef | Format::Json => Form::Archive,
    }
}

impl LogExport {
    /// After which index the next export begins when this one is complete; `None` if the log is empty.
    pub fn complete_after(&self) -> Option<u64> {
        self.until.checked_sub(1).max(self.export.after)
    }

    /// What stands before the first line.
    pub fn head(&self) -> Vec<u8> {
        let names = Names::default();
        Export { format: self.export.format, source: &self.source, names: &names }.head()
    }

    /// The next lines; `None` when there are no more. They are given only once what they say is on disk.
    pub async fn next(&mut self) -> Result<Option<Piece>, StorageError> {
        if self.done {
            return Ok(None);
        }
        let mark = self.storage.mark();
        let mut transaction = self.storage.read().await?;
        let direction = Direction::Oldest { after: self.export.after };
        let found = transaction.search().page(&self.export.question, direction, PIECE).await?;
        let next = found.next.filter(|next| *next + 1 < self.until);
        let entries = entries(found.entries, self.until)?;
        let names = self.names(&mut transaction, &entries).await?;
        drop(transaction);
        let export = Export { format: self.export.format, source: &self.source, names: &names };
        let lines = entries.iter().flat_map(|entry| export.line(entry)).collect();
        self.storage.settled_since(mark).await?;
        self.done = next.is_none();
        let after = next.unwrap_or(self.until - 1);
        self.export.after = Some(after);
        Ok(Some(Piece { lines, after }))
    }

    async fn names(
        &self,
        transaction: &mut Transaction,
        entries: &[Entry],
    ) -> Result<Names, StorageError> {
        let mentioned = Mentioned::by(entries);
        let workstations = transaction.named().workstations(mentioned.workstations).await?;
        if !self.export.names {
            return Ok(Names::pseudonymous(workstations));
        }
        let people = transaction.named().people(mentioned.users).await?;
        Ok(Names::of_people(people, workstations))
    }
}

/// Those whose record is there. Of what was erased there is nothing to export.
fn entries(stored: Vec<StoredEntry>, until: u64) -> Result<Vec<Entry>, StorageError> {
    let read = |stored: StoredEntry| stored.entry().transpose();
    stored.into_iter().filter(|stored| stored.index < until).filter_map(read).collect()
}
