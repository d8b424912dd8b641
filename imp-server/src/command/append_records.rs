//! Appending records as they are, for measurements and tests of the log.
use imp_identity::Record;
use imp_storage::StorageError;

use super::Context;
use crate::log;

/// Appends records in their order and in one transaction. Answers the leaf index of the last, if there is one. Nothing else
/// changes: what the records say need not be true, so nothing that people or machines reach calls this.
#[doc(hidden)]
pub async fn append_records(
    context: &mut Context<'_>,
    records: impl IntoIterator<Item = Record, IntoIter: Send> + Send,
) -> Result<Option<u64>, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let mut last = None;
    for record in records {
        let appended = log::append(&mut transaction, context.log_key, record, context.rng).await?;
        last = Some(appended.index);
    }
    transaction.commit().await?;
    Ok(last)
}
