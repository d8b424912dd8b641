//! A server's keys and database, without the server.
use std::path::Path;
use std::sync::Arc;

use imp_identity::Record;
use imp_identity::clock::SystemClock;
use imp_server::command::{self, Context};
use imp_server::{App, Config, OpenError, StorageConfig};
use imp_storage::StorageError;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// Opens the installation in `folder`; its database is at `url`, or in the folder.
pub(super) async fn open(folder: &Path, url: Option<String>) -> Result<App, OpenError> {
    let at = Config::at(folder);
    // As many as wait at most: a bench is no attack.
    let storage = StorageConfig { url, wait_seconds: 60, ..at.storage.clone() };
    App::open(Config { storage, ..at }, Arc::new(SystemClock), 0).await
}

/// Randomness for one task.
pub(super) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Appends records in one transaction.
pub(super) async fn append(
    app: &App,
    rng: &mut StdRng,
    records: Vec<Record>,
) -> Result<Option<u64>, StorageError> {
    let mut context = Context {
        storage: &app.storage,
        now: app.now(),
        rng,
        trust_domain: app.keys.trust_domain(),
        signer: app.keys.statement_key(),
        log_key: app.keys.log_key(),
        authority: None,
    };
    command::append_records(&mut context, records).await
}
