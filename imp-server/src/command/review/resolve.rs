//! From what a reviewer types to what it names.
use std::str::FromStr as _;

use imp_identity::case::Case;
use imp_identity::name::Username;
use imp_identity::{UserId, WorkstationId};
use imp_storage::{Storage, StorageError};

use crate::store::Tables as _;

/// A name does not say what is meant.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// Nobody is called that.
    #[error("there is no user `{0}`")]
    Person(String),
    /// No workstation is called that.
    #[error("there is no workstation `{0}`")]
    Workstation(String),
    /// More than one is.
    #[error("there are several workstations `{0}`: name one by its identifier")]
    Workstations(String),
    /// There is no such case.
    #[error("there is no case {0}")]
    Case(u64),
    /// See the source.
    #[error("could not look a name up")]
    Storage(#[from] StorageError),
}

/// A person, by username or identifier. An identifier may name somebody who is not here any more.
pub async fn resolve_person(storage: &Storage, text: &str) -> Result<UserId, ResolveError> {
    if let Ok(id) = UserId::from_str(text) {
        return Ok(id);
    }
    let unknown = || ResolveError::Person(text.chars().take(64).collect());
    let name: Username = text.parse().map_err(|_| unknown())?;
    let found = storage.read().await?.users().find_by_name(&name).await?;
    found.map(|user| user.id).ok_or_else(unknown)
}

/// A workstation, by its name if only one has it, or by its identifier.
pub async fn resolve_workstation(
    storage: &Storage,
    text: &str,
) -> Result<WorkstationId, ResolveError> {
    if let Ok(id) = WorkstationId::from_str(text) {
        return Ok(id);
    }
    let short = || text.chars().take(128).collect();
    match storage.read().await?.named().workstations_called(text).await?.as_slice() {
        [] => Err(ResolveError::Workstation(short())),
        [id] => Ok(*id),
        _ => Err(ResolveError::Workstations(short())),
    }
}

/// A case, by its number.
pub async fn resolve_case(storage: &Storage, number: u64) -> Result<Case, ResolveError> {
    let found = storage.read().await?.cases().numbered(number).await?;
    found.ok_or(ResolveError::Case(number))
}
