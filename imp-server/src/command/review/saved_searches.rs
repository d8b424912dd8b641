//! Questions that are kept under a name.
use imp_events::AttendanceRefused;
use imp_events::Question;
use imp_events::attendance::{Circumstances, Form, refuse_attendance};
use imp_identity::name::Label;
use imp_identity::search::SavedSearch;
use imp_identity::{Actor, SearchId, UserId};
use imp_storage::{Storage, StorageError};

use crate::command::Context;
use crate::store::Tables as _;

/// A question to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveSearch {
    /// What it is called.
    pub name: Label,
    /// Whether others may run it.
    pub shared: bool,
    /// What is asked. Times may be left out, to be named when it is run.
    pub question: Question,
}

/// The question was not kept.
#[derive(Debug, thiserror::Error)]
pub enum SaveSearchError {
    /// It would show when somebody was at work, whenever it is run.
    #[error(transparent)]
    Attendance(#[from] AttendanceRefused),
    /// What is asked for one case is not asked again and again.
    #[error("a question that is asked for one case cannot be saved")]
    OfCase,
    /// She has one of that name.
    #[error("there is a saved search of that name")]
    NameTaken,
    /// See the source.
    #[error("could not store the search")]
    Storage(#[source] StorageError),
}

/// The search was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveSearchError {
    /// There is none that is hers.
    #[error("there is no such saved search, or it is somebody else's")]
    NotFound,
    /// See the source.
    #[error("could not remove the search")]
    Storage(#[from] StorageError),
}

impl From<StorageError> for SaveSearchError {
    fn from(error: StorageError) -> Self {
        if error.is_unique_violation() { Self::NameTaken } else { Self::Storage(error) }
    }
}

/// The user who acts; none for an operator.
const fn user(actor: &Actor) -> Option<UserId> {
    match actor {
        Actor::User(user) => Some(*user),
        Actor::Operator(_)
        | Actor::Workstation(_)
        | Actor::Phone(_)
        | Actor::Client(_)
        | Actor::Device(_)
        | Actor::Server => None,
    }
}

/// Keeps a question under a name. A question about one person's presence must name its times.
pub async fn save_search(
    context: &mut Context<'_>,
    actor: &Actor,
    new: SaveSearch,
) -> Result<SavedSearch, SaveSearchError> {
    let SaveSearch { name, shared, question } = new;
    if question.case.is_some() {
        return Err(SaveSearchError::OfCase);
    }
    let alone = Circumstances { form: Form::Pages, case_is_open: false, earlier: &[] };
    refuse_attendance(&question, &alone)?;
    let id = SearchId::generate(context.now, &mut context.rng);
    let mut transaction = context.storage.begin().await?;
    let (search, event) = SavedSearch::save(id, user(actor), name, shared, question.to_json());
    transaction.saved_searches().add(&search).await?;
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await?;
    Ok(search)
}

/// Removes a search: by its owner, or an operator's by an operator.
pub async fn remove_search(
    context: &mut Context<'_>,
    actor: &Actor,
    id: SearchId,
) -> Result<(), RemoveSearchError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.saved_searches().find(id).await?;
    let search = found.filter(|search| search.owner == user(actor));
    let search = search.ok_or(RemoveSearchError::NotFound)?;
    transaction.saved_searches().remove(id).await?;
    context.append(&mut transaction, actor, search.delete()).await?;
    Ok(transaction.commit().await?)
}

/// The searches that `actor` may run, by name: her own and the shared ones.
pub async fn list_searches(
    storage: &Storage,
    actor: &Actor,
) -> Result<Vec<SavedSearch>, StorageError> {
    storage.read().await?.saved_searches().visible_to(user(actor)).await
}

/// A search that `actor` may run.
pub async fn find_search(
    storage: &Storage,
    actor: &Actor,
    id: SearchId,
) -> Result<Option<SavedSearch>, StorageError> {
    let found = storage.read().await?.saved_searches().find(id).await?;
    let visible = |search: &SavedSearch| match user(actor) {
        Some(user) => search.is_visible_to(user),
        None => search.shared,
    };
    Ok(found.filter(visible))
}
