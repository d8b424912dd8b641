//! A case with what it is about and what happened in it.
use imp_identity::case::Case;
use imp_identity::event::Reading;
use imp_identity::{Actor, Event};
use imp_storage::{StorageError, Transaction};

use super::known_names::{KnownNames, Wanted};
use super::prove::{ProveError, Proven, prove_entries};
use super::search::Reviewed;
use crate::command::Context;
use crate::store::Tables as _;

/// A case and the entries of the log that belong to it.
#[derive(Clone, Debug)]
pub struct CaseFile {
    /// Where it stands.
    pub case: Case,
    /// The entries that it is about, oldest first.
    pub evidence: Vec<Reviewed>,
    /// The entries by which it was opened and changed, oldest first.
    pub history: Vec<Reviewed>,
    /// What is called what.
    pub names: KnownNames,
    /// The proofs of evidence and history, if they were asked for: all in one tree.
    pub proofs: Option<Vec<Proven>>,
}

/// The case was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadCaseError {
    /// There is no such case.
    #[error("there is no such case")]
    NotFound,
    /// See the source.
    #[error("could not prove the case's entries")]
    Prove(#[source] ProveError),
    /// See the source.
    #[error("could not read the case")]
    Storage(#[from] StorageError),
}

impl From<ProveError> for ReadCaseError {
    fn from(error: ProveError) -> Self {
        match error {
            ProveError::Storage(source) => Self::Storage(source),
            ProveError::NotFound | ProveError::Proof(_) => Self::Prove(error),
        }
    }
}

/// Reads a case. Appends `log-read`.
pub async fn read_case(
    context: &mut Context<'_>,
    actor: &Actor,
    number: u64,
    with_proofs: bool,
) -> Result<CaseFile, ReadCaseError> {
    let mut transaction = context.storage.read().await?;
    let found = transaction.cases().numbered(number).await?;
    let case = found.ok_or(ReadCaseError::NotFound)?;
    let steps = transaction.cases().steps(number).await?;
    let evidence = entries(&mut transaction, &case.entries).await?;
    let history = entries(&mut transaction, &steps).await?;
    let mut wanted = Wanted::default();
    for record in evidence.iter().chain(&history).filter_map(|entry| entry.record.as_ref()) {
        wanted.mention(record);
    }
    wanted.case(&case);
    let names = wanted.find(&mut transaction).await?;
    let proofs = if with_proofs {
        let mut indexes = [case.entries.clone(), steps].concat();
        indexes.sort_unstable();
        indexes.dedup();
        let origin = context.log_key.verifier_key().name();
        Some(prove_entries(&mut transaction, origin, &indexes).await?)
    } else {
        None
    };
    drop(transaction);
    let event = Event::LogRead {
        means: Reading::Case,
        question: format!("{{\"case\":{number}}}"),
        user: case.user,
        workstation: case.workstation,
        case: Some(case.id),
    };
    let mut transaction = context.storage.begin().await?;
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await?;
    Ok(CaseFile { case, evidence, history, names, proofs })
}

async fn entries(
    transaction: &mut Transaction,
    indexes: &[u64],
) -> Result<Vec<Reviewed>, StorageError> {
    let mut entries = vec![];
    for index in indexes {
        let found = transaction.entries().find(*index).await?;
        entries.extend(found.map(Reviewed::read).transpose()?);
    }
    Ok(entries)
}
