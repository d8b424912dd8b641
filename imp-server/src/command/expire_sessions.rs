//! The job that ends sessions at their limits.
use imp_identity::Actor;
use imp_identity::session::End;
use imp_storage::StorageError;

use super::Context;
use crate::store::Tables as _;

/// Sessions ended in one transaction: others wait for no longer than this takes.
const BATCH: u32 = 100;

/// Ends every session that has reached a limit; how many.
pub async fn expire_sessions(context: &mut Context<'_>) -> Result<u64, StorageError> {
    let mut ended = 0;
    loop {
        let mut transaction = context.storage.begin().await?;
        let expired = transaction.sessions().expired(context.now, BATCH).await?;
        let last = expired.len() < BATCH as usize;
        for session in expired {
            if let Ok((session, event)) = session.end(End::Expired, context.now) {
                transaction.sessions().update(&session).await?;
                context.append(&mut transaction, &Actor::Server, event).await?;
                ended += 1;
            }
        }
        transaction.commit().await?;
        if last {
            return Ok(ended);
        }
    }
}
