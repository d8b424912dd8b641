//! Cases: opening, assigning, commenting, closing with a reason, reopening. Each change is an event in the same
//! transaction, and the case remembers where it is.
use imp_identity::case::{Case, CaseError, Conclusion, Opening};
use imp_identity::name::{Label, Remark};
use imp_identity::user::Role;
use imp_identity::{Actor, CaseId, Event, UserId};
use imp_storage::{Page, Storage, StorageError, Transaction};

use super::known_names::KnownNames;
use super::search::Reviewed;
use crate::command::Context;
use crate::store::{CaseFilter, Tables as _};

/// The longest title, in characters.
const LONGEST_TITLE: usize = 128;

/// A case to open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenCase {
    /// What it is about; what the first entry says, unless said otherwise.
    pub title: Option<Label>,
    /// The entries that raise the question.
    pub entries: Vec<u64>,
}

/// What is done to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseChange {
    /// It is given to an auditor.
    Assign(UserId),
    /// Something is said, and entries are added.
    Comment {
        /// What.
        comment: Remark,
        /// Which.
        entries: Vec<u64>,
    },
    /// It is ended.
    Close {
        /// What was found.
        conclusion: Conclusion,
        /// Why.
        reason: Remark,
    },
    /// It is taken up again.
    Reopen {
        /// Why.
        reason: Remark,
    },
}

/// The case was not opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeCaseError {
    /// There is no such case.
    #[error("there is no such case")]
    NotFound,
    /// What it is about was not said.
    #[error("a case needs a title, or an entry of the log that it is about")]
    TitleMissing,
    /// The log has no such entry.
    #[error("the log has no entry {index}")]
    EntryNotFound {
        /// Which.
        index: u64,
    },
    /// Only an auditor can look into it.
    #[error("a case can be assigned to an active auditor only")]
    NotAuditor,
    /// It is not in a state that allows this.
    #[error(transparent)]
    Refused(#[from] CaseError),
    /// See the source.
    #[error("could not store the case")]
    Storage(#[from] StorageError),
}

/// Opens a case.
pub async fn open_case(
    context: &mut Context<'_>,
    actor: &Actor,
    open: OpenCase,
) -> Result<Case, ChangeCaseError> {
    let OpenCase { title, entries } = open;
    let mut transaction = context.storage.begin().await?;
    must_exist(&mut transaction, &entries).await?;
    let first = match entries.first() {
        Some(index) => transaction.entries().find(*index).await?.map(Reviewed::read).transpose()?,
        None => None,
    };
    let title = match (title, &first) {
        (Some(title), _) => title,
        (None, Some(first)) => title_of(&mut transaction, first).await?,
        (None, None) => return Err(ChangeCaseError::TitleMissing),
    };
    let event = first.as_ref().and_then(|first| Some(&first.record.as_ref()?.event));
    let opening = Opening {
        title,
        user: event.and_then(Event::user),
        workstation: event.and_then(Event::workstation),
        entries,
    };
    let id = CaseId::generate(context.now, &mut context.rng);
    let number = transaction.cases().next_number().await?;
    let (case, event) = Case::open(id, number, opening, context.now)?;
    transaction.cases().add(&case).await?;
    let appended = context.append(&mut transaction, actor, event).await?;
    transaction.cases().add_step(number, appended.index).await?;
    transaction.commit().await?;
    Ok(case)
}

/// Changes a case.
pub async fn change_case(
    context: &mut Context<'_>,
    actor: &Actor,
    number: u64,
    change: CaseChange,
) -> Result<Case, ChangeCaseError> {
    let mut transaction = context.storage.begin().await?;
    let case = transaction.cases().numbered(number).await?.ok_or(ChangeCaseError::NotFound)?;
    let (case, event) = match change {
        CaseChange::Assign(assignee) => {
            let user = transaction.users().find(assignee).await?;
            let auditor = user.filter(|user| user.is_active() && user.role == Role::Auditor);
            auditor.ok_or(ChangeCaseError::NotAuditor)?;
            case.assign(assignee, context.now)?
        }
        CaseChange::Comment { comment, entries } => {
            must_exist(&mut transaction, &entries).await?;
            case.comment(comment, &entries, context.now)?
        }
        CaseChange::Close { conclusion, reason } => case.close(conclusion, reason, context.now)?,
        CaseChange::Reopen { reason } => case.reopen(reason, context.now)?,
    };
    transaction.cases().update(&case).await?;
    let appended = context.append(&mut transaction, actor, event).await?;
    transaction.cases().add_step(number, appended.index).await?;
    transaction.commit().await?;
    Ok(case)
}

/// One case.
pub async fn find_case(storage: &Storage, number: u64) -> Result<Option<Case>, StorageError> {
    storage.read().await?.cases().numbered(number).await
}

/// The cases before a number, newest first, and the names of whom and what they are about; at most 500.
pub async fn list_cases(
    storage: &Storage,
    filter: CaseFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<(Page<Case, u64>, KnownNames), StorageError> {
    let mut transaction = storage.read().await?;
    let page = transaction.cases().page(filter, before, limit).await?;
    let names = KnownNames::of_cases(&mut transaction, &page.items).await?;
    Ok((page, names))
}

async fn must_exist(transaction: &mut Transaction, entries: &[u64]) -> Result<(), ChangeCaseError> {
    if entries.len() > imp_identity::case::MOST_ENTRIES {
        return Err(CaseError::TooManyEntries.into());
    }
    for index in entries {
        if transaction.entries().find(*index).await?.is_none() {
            return Err(ChangeCaseError::EntryNotFound { index: *index });
        }
    }
    Ok(())
}

/// What an entry says, cut to the length of a title.
async fn title_of(
    transaction: &mut Transaction,
    entry: &Reviewed,
) -> Result<Label, ChangeCaseError> {
    let names = KnownNames::of(transaction, &entry.record).await?;
    let mut sentence: String = entry.sentence(&names);
    if let Some((cut, _)) = sentence.char_indices().nth(LONGEST_TITLE) {
        sentence.truncate(cut);
    }
    sentence.parse().map_err(|_| ChangeCaseError::TitleMissing)
}
