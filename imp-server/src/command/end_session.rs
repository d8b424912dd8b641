//! Ending a session from outside.
use imp_identity::session::End;
use imp_identity::{Actor, SessionId};
use imp_storage::StorageError;

use super::change_sessions::end_session_for;
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

/// Ends a session because an administrator decided so.
pub async fn end_session(
    context: &mut Context<'_>,
    actor: Actor,
    id: SessionId,
) -> Result<UserSession, EndSessionError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.sessions().find(id).await?;
    let UserSession { session, user } = found.ok_or(EndSessionError::NotFound)?;
    let ended = end_session_for(context, &mut transaction, &actor, session, End::Administrator);
    let session = ended.await?.ok_or(EndSessionError::Ended)?;
    transaction.commit().await?;
    Ok(UserSession { session, user })
}
