//! Suspending a session, and listing those of a workstation.
use imp_identity::session::{End, SessionError};
use imp_identity::{Actor, SessionId, WorkstationId};
use imp_storage::{Storage, StorageError};
use jiff::Timestamp;

use super::{Context, UserSession};
use crate::store::Tables as _;

/// The session was not suspended.
#[derive(Debug, thiserror::Error)]
pub enum SuspendSessionError {
    /// There is no such session at this workstation.
    #[error("no such session at this workstation")]
    NotFound,
    /// It is over.
    #[error("the session has ended")]
    Ended,
    /// See the source.
    #[error("could not store the session")]
    Storage(#[from] StorageError),
}

/// Suspends a session because its workstation was locked. One that is suspended already stays so.
pub async fn suspend_session(
    context: &mut Context<'_>,
    workstation: WorkstationId,
    id: SessionId,
) -> Result<UserSession, SuspendSessionError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.sessions().find(id).await?;
    let found = found.filter(|found| found.session.workstation == workstation);
    let UserSession { session, user } = found.ok_or(SuspendSessionError::NotFound)?;
    let limits = transaction.policies().current().await?.session;
    let changed = match session.clone().suspend(&limits, context.now) {
        Ok(changed) => changed,
        Err(SessionError::NotActive | SessionError::NotSuspended) => {
            return Ok(UserSession { session, user });
        }
        Err(SessionError::Ended) => {
            // Past its limit and not swept up yet: the end is recorded now.
            if let Ok((session, event)) = session.end(End::Expired, context.now) {
                transaction.sessions().update(&session).await?;
                context.append(&mut transaction, &Actor::Server, event).await?;
                transaction.commit().await?;
            }
            return Err(SuspendSessionError::Ended);
        }
    };
    let (session, event) = changed;
    transaction.sessions().update(&session).await?;
    context.append(&mut transaction, &Actor::Workstation(workstation), event).await?;
    transaction.commit().await?;
    Ok(UserSession { session, user })
}

/// The sessions that are active or can be resumed at a workstation, newest first.
pub async fn sessions_of_workstation(
    storage: &Storage,
    workstation: WorkstationId,
    now: Timestamp,
) -> Result<Vec<UserSession>, StorageError> {
    let mut open = storage.read().await?.sessions().open_at(workstation).await?;
    open.retain(|found| found.session.is_active(now) || found.session.is_resumable(now));
    Ok(open)
}
