//! Suspending a session, and listing those of a workstation.
use imp_identity::session::{End, SessionError};
use imp_identity::{Actor, SessionId, WorkstationId};
use imp_storage::{Storage, StorageError};
use jiff::Timestamp;

use super::change_sessions::{end_session_for, store_session};
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
    let (session, event) = match session.clone().suspend(&limits, context.now) {
        Ok(changed) => changed,
        Err(SessionError::Ended) => {
            // Past its limit and not swept up yet: the end is recorded now.
            let server = Actor::Server;
            end_session_for(context, &mut transaction, &server, session, End::Expired).await?;
            transaction.commit().await?;
            return Err(SuspendSessionError::Ended);
        }
        Err(
            SessionError::NotActive
            | SessionError::NotSuspended
            | SessionError::Elsewhere
            | SessionError::Insufficient,
        ) => return Ok(UserSession { session, user }),
    };
    let (actor, changed) = (Actor::Workstation(workstation), (&session, event));
    store_session(context, &mut transaction, &actor, changed, limits.on_suspend).await?;
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

/// Somebody gave a sign of life at a workstation. It is no event: nothing changes but when she will be taken for gone.
pub async fn touch_session(
    storage: &Storage,
    workstation: WorkstationId,
    id: SessionId,
    now: Timestamp,
) -> Result<(), StorageError> {
    let mut transaction = storage.begin().await?;
    transaction.sessions().touch(id, workstation, now).await?;
    transaction.commit().await
}
