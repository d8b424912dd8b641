//! The job that ends sessions at their limits.
use imp_identity::Actor;
use imp_identity::session::End;
use imp_storage::StorageError;

use super::Context;
use super::change_sessions::{end_session_for, store_session};
use crate::store::Tables as _;

/// Sessions ended in one transaction: others wait for no longer than this takes.
const BATCH: u32 = 100;

/// Ends every session that has reached a limit, and suspends those that nobody uses; how many.
pub async fn expire_sessions(context: &mut Context<'_>) -> Result<u64, StorageError> {
    let mut ended = 0;
    loop {
        let mut transaction = context.storage.begin().await?;
        let expired = transaction.sessions().expired(context.now, BATCH).await?;
        let last = expired.len() < BATCH as usize;
        for session in expired {
            let (server, reason) = (Actor::Server, End::Expired);
            let over = end_session_for(context, &mut transaction, &server, session, reason).await?;
            ended += u64::from(over.is_some());
        }
        transaction.commit().await?;
        if last {
            return Ok(ended + suspend_idle(context).await?);
        }
    }
}

/// Suspends every session without a sign of life; how many.
async fn suspend_idle(context: &mut Context<'_>) -> Result<u64, StorageError> {
    let limits = context.storage.read().await?.policies().current().await?.session;
    let mut suspended = 0;
    if limits.idle.is_none() {
        return Ok(suspended);
    }
    loop {
        let mut transaction = context.storage.begin().await?;
        let idle = transaction.sessions().idle(&limits, context.now, BATCH).await?;
        let mut last = idle.len() < BATCH as usize;
        let before = suspended;
        for session in idle {
            // One past its overall limit was ended above.
            let Ok((session, event)) = session.suspend(&limits, context.now) else { continue };
            let (server, changed) = (Actor::Server, (&session, event));
            store_session(context, &mut transaction, &server, changed, limits.on_suspend).await?;
            suspended += 1;
        }
        transaction.commit().await?;
        last |= suspended == before;
        if last {
            return Ok(suspended);
        }
    }
}
