//! Ending a session from outside.
use imp_identity::session::{End, SessionError};
use imp_identity::{Actor, SessionId};
use imp_storage::StorageError;

use super::{Context, UserSession};
use crate::store::Tables as _;

/// The session was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndSessionError {
    /// There is no such session.
    #[error("no such session")]
    NotFound,
    /// It is over.
    #[error("the session has ended")]
    Ended,
    /// See the source.
    #[error("could not store the session")]
    Storage(#[from] StorageError),
}

impl From<SessionError> for EndSessionError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Ended | SessionError::NotActive | SessionError::NotSuspended => {
                Self::Ended
            }
        }
    }
}

/// Ends a session because an administrator decided so.
pub async fn end_session(
    context: &mut Context<'_>,
    actor: Actor,
    id: SessionId,
) -> Result<UserSession, EndSessionError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.sessions().find(id).await?;
    let UserSession { session, user } = found.ok_or(EndSessionError::NotFound)?;
    let (session, event) = session.end(End::Administrator, context.now)?;
    transaction.sessions().update(&session).await?;
    context.append(&mut transaction, &actor, event).await?;
    transaction.commit().await?;
    Ok(UserSession { session, user })
}
