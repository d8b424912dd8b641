//! Checkpoints that witnesses cosigned.
use imp_storage::{Storage, StorageError};
use imp_translog::{VerifierKey, open_checkpoint};

use crate::store::{Head, Tables as _};

/// The checkpoint of everything that is committed, with the cosignatures that it has; `None` before the log was begun.
pub(crate) async fn checkpoint_with_cosignatures(
    storage: &Storage,
    key: &VerifierKey,
) -> Result<Option<String>, StorageError> {
    let mut transaction = storage.read().await?;
    let Some(Head { checkpoint, size, .. }) = transaction.log().head(key.name()).await? else {
        return Ok(None);
    };
    let cosigned = transaction.log_checkpoints().find(size).await?;
    let latest = open_checkpoint(&checkpoint, key).ok();
    let cosigned = cosigned.filter(|note| open_checkpoint(note, key).ok() == latest);
    Ok(Some(cosigned.unwrap_or(checkpoint)))
}

/// The latest checkpoint that a witness cosigned; `None` before there is one.
pub(crate) async fn cosigned_checkpoint(storage: &Storage) -> Result<Option<String>, StorageError> {
    storage.read().await?.log_checkpoints().latest().await
}
