//! What others are told of certificates that no longer count: answers by OCSP, and lists. Both are signed before anybody asks,
//! kept in memory, and thrown away with the first change of what they say.
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use imp_storage::{Storage, StorageError, Transaction};

use crate::store::Tables as _;

mod answers;
mod lists;

pub(crate) use answers::{AnswerError, Answered, Answers};
pub(crate) use lists::Lists;

/// The name of the setting that changes whenever the state of a certificate does.
const REVISION: &str = "revocation-revision";

/// How old what is known of other processes' changes may be. This process's own are seen at once.
const FRESH: Duration = Duration::from_secs(1);

/// Which state of all certificates something was made from.
pub(crate) type Revision = Option<String>;

/// What is kept in memory.
#[derive(Debug)]
pub(crate) struct Revocation {
    looked: RwLock<Option<Looked>>,
    pub(crate) answers: Answers,
    pub(crate) lists: Lists,
}

/// A look at the revision.
#[derive(Clone, Debug)]
struct Looked {
    at: Instant,
    /// How many groups of writers had reached the disk before.
    commits: u64,
    revision: Revision,
}

impl Revocation {
    /// Keeps at most so many answers.
    pub(crate) fn new(kept_answers: u32) -> Self {
        let (answers, lists) = (Answers::new(kept_answers), Lists::default());
        Self { looked: RwLock::default(), answers, lists }
    }

    /// The present revision. What this process has committed before is in it.
    pub(crate) async fn revision(&self, storage: &Storage) -> Result<Revision, StorageError> {
        let commits = storage.commit_count();
        let fresh = |looked: &Looked| looked.commits == commits && looked.at.elapsed() < FRESH;
        let known = self.looked.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(looked) = known.filter(fresh) {
            return Ok(looked.revision);
        }
        let at = Instant::now();
        let revision = storage.read().await?.settings().find(REVISION).await?;
        let looked = Looked { at, commits, revision: revision.clone() };
        *self.looked.write().unwrap_or_else(PoisonError::into_inner) = Some(looked);
        Ok(revision)
    }
}

/// Says to every replica, within the transaction, that the state of a certificate has changed.
pub(crate) async fn changed(
    transaction: &mut Transaction,
    rng: &mut (dyn rand::CryptoRng + Send + Sync),
) -> Result<(), StorageError> {
    let mut random = [0; 16];
    rng.fill_bytes(&mut random);
    transaction.settings().put(REVISION, &data_encoding::HEXLOWER.encode(&random)).await
}
