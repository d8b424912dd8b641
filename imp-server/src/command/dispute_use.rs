//! "That was not me": a use that the person concerned disputes becomes a case.
use imp_identity::case::{Case, CaseError, Opening};
use imp_identity::event::Event;
use imp_identity::name::Remark;
use imp_identity::{Actor, CaseId, NoticeId, UserId};
use imp_review::notice::deed;
use imp_storage::StorageError;

use super::Context;
use crate::store::Tables as _;

/// What is disputed.
#[derive(Clone, Debug)]
pub struct Dispute {
    /// Who says so.
    pub user: UserId,
    /// How she says so.
    pub actor: Actor,
    /// The entry's place in the log.
    pub index: u64,
    /// The notice that told her, if one did.
    pub notice: Option<NoticeId>,
    /// What she adds.
    pub comment: Option<Remark>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// The case.
    pub case: CaseId,
    /// What people call the case.
    pub number: u64,
    /// Whether it is new; not if she disputed the same use before.
    pub opened: bool,
}

/// The use was not disputed.
#[derive(Debug, thiserror::Error)]
pub enum DisputeUseError {
    /// It is not hers to dispute; whether there is such an entry is not said.
    #[error("there is no such use in your name")]
    NotFound,
    /// The case cannot be opened.
    #[error("a case cannot be opened")]
    Case(#[from] CaseError),
    /// See the source.
    #[error("could not store the dispute")]
    Storage(#[from] StorageError),
}

/// Opens a case about a use of a person's face, phone or codes. Saying it again changes nothing.
pub async fn dispute_use(
    context: &mut Context<'_>,
    dispute: Dispute,
) -> Result<Disputed, DisputeUseError> {
    let Dispute { user, actor, index, notice, comment } = dispute;
    let mut transaction = context.storage.begin().await?;
    let stored = transaction.entries().find(index).await?.ok_or(DisputeUseError::NotFound)?;
    let entry = stored.entry()?.ok_or(DisputeUseError::NotFound)?;
    let hers = entry.record.event.user() == Some(user);
    let deed = deed(&entry.record.event).filter(|_| hers).ok_or(DisputeUseError::NotFound)?;
    if let Some(case) = transaction.notices().dispute(user, index).await? {
        let found = transaction.cases().find(case).await?.ok_or(DisputeUseError::NotFound)?;
        return Ok(Disputed { case, number: found.number, opened: false });
    }
    let title = format!("Disputed by the person concerned: {deed}");
    let opening = Opening {
        title: title.parse().map_err(|_| StorageError::Corrupt { what: "a deed" })?,
        user: Some(user),
        workstation: entry.record.event.workstation(),
        entries: vec![index],
    };
    let id = CaseId::generate(context.now, &mut context.rng);
    let number = transaction.cases().next_number().await?;
    let (case, opened) = Case::open(id, number, opening, context.now)?;
    transaction.cases().add(&case).await?;
    let appended = context.append(&mut transaction, &actor, opened).await?;
    transaction.cases().add_step(number, appended.index).await?;
    if let Some(comment) = comment {
        let (case, event) = case.comment(comment, &[], context.now)?;
        transaction.cases().update(&case).await?;
        let appended = context.append(&mut transaction, &actor, event).await?;
        transaction.cases().add_step(number, appended.index).await?;
    }
    transaction.notices().add_dispute(user, index, id).await?;
    let event = Event::UseDisputed { user, index, case: id, notice };
    let appended = context.append(&mut transaction, &actor, event).await?;
    transaction.cases().add_step(number, appended.index).await?;
    transaction.commit().await?;
    Ok(Disputed { case: id, number, opened: true })
}
