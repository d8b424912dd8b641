//! Opening the log: begun at the first start, checked at every start, and what an earlier version recorded taken in.
use std::sync::Arc;

use imp_identity::Digest;
use imp_storage::{Storage, StorageError, Transaction};
use imp_translog::{LogKey, OpenError, open_checkpoint};
use rand::CryptoRng;

use super::append::append;
use super::head::Head;
use crate::store::Tables as _;

/// Under which the key that signs security event tokens is remembered.
const SET_KEY: &str = "set-key";

/// The log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EstablishError {
    /// The database's log was signed with another key.
    #[error(
        "the database's log was begun with another keys/log.key: give this server that file (every replica has the same)"
    )]
    OtherLogKey(#[source] OpenError),
    /// The receivers of security event tokens know another key.
    #[error(
        "this database was used with another keys/set.key: give this server that file (every replica has the same)"
    )]
    OtherSetKey,
    /// See the source.
    #[error("the log cannot be read or begun")]
    Storage(#[from] StorageError),
}

/// Begins the log in an empty database, and takes in the events of an earlier version, in their order and in one
/// transaction; answers how many. A database of other keys is refused: two logs under one name would be a split view.
pub(crate) async fn establish(
    storage: &Storage,
    key: &Arc<LogKey>,
    set_key: Digest,
    rng: &mut (dyn CryptoRng + Send + Sync),
) -> Result<u64, EstablishError> {
    if is_established(storage, key, set_key).await? {
        return Ok(0);
    }
    let mut transaction = storage.begin().await?;
    // Another replica may have done it in the meantime.
    check(&mut transaction, key, set_key).await?;
    transaction.settings().put(SET_KEY, &set_key.to_string()).await?;
    let adopted = adopt(&mut transaction, key, rng).await?;
    // Even with nothing in it: the log begins with the checkpoint of no entries.
    Head::carried(&mut transaction, key).await?;
    transaction.commit().await?;
    Ok(adopted)
}

async fn is_established(
    storage: &Storage,
    key: &LogKey,
    set_key: Digest,
) -> Result<bool, EstablishError> {
    let mut transaction = storage.read().await?;
    let known = check(&mut transaction, key, set_key).await?;
    Ok(known && !transaction.log().has_earlier().await?)
}

/// Whether the database knows these keys; an error when it knows others.
async fn check(
    transaction: &mut Transaction,
    key: &LogKey,
    set_key: Digest,
) -> Result<bool, EstablishError> {
    let head = transaction.log().head(key.verifier_key().name()).await?;
    if let Some(head) = &head {
        open_checkpoint(&head.checkpoint, key.verifier_key())
            .map_err(EstablishError::OtherLogKey)?;
    }
    let known = transaction.settings().find(SET_KEY).await?;
    if known.as_ref().is_some_and(|known| *known != set_key.to_string()) {
        return Err(EstablishError::OtherSetKey);
    }
    Ok(head.is_some() && known.is_some())
}

/// Takes in the events of an earlier version.
async fn adopt(
    transaction: &mut Transaction,
    key: &Arc<LogKey>,
    rng: &mut (dyn CryptoRng + Send + Sync),
) -> Result<u64, StorageError> {
    let (mut adopted, mut place) = (0, 0);
    loop {
        let page = transaction.log().earlier(place).await?;
        if page.is_empty() {
            break;
        }
        for (sequence, record) in page {
            append(transaction, key, record, rng).await?;
            (adopted, place) = (adopted + 1, sequence);
        }
    }
    if adopted > 0 {
        transaction.log().forget_earlier().await?;
    }
    Ok(adopted)
}
