//! One-time codes for signing in.
use imp_identity::invitation::{Code, Invitation};
use imp_identity::user::User;
use imp_identity::{Actor, Event, UserId};
use imp_storage::StorageError;
use jiff::{SignedDuration, Timestamp};

use super::Context;
use crate::store::{SignInCodeRow, Tables as _};

/// How long a code counts.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// A code that counts once.
#[derive(Clone, Debug)]
pub struct SignInCode {
    /// To be shown to the user.
    pub code: Code,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// No code was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueSignInCodeError {
    /// There is no such user.
    #[error("no such user")]
    NotFound,
    /// She may not sign in.
    #[error("the user is disabled")]
    UserDisabled,
    /// See the source.
    #[error("could not store the code")]
    Storage(#[from] StorageError),
}

/// Issues a code with which a user can sign in once. Her earlier one no longer counts.
pub async fn issue_sign_in_code(
    context: &mut Context<'_>,
    actor: Actor,
    user: UserId,
) -> Result<SignInCode, IssueSignInCodeError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.users().find(user).await?.ok_or(IssueSignInCodeError::NotFound)?;
    if !User::is_active(&found) {
        return Err(IssueSignInCodeError::UserDisabled);
    }
    let (invitation, code) = Invitation::open(LIFETIME, context.now, &mut context.rng);
    let expires_at = invitation.expires_at;
    let row = SignInCodeRow { user: Some(user), expires_at };
    transaction.sign_in().replace_code(invitation.code, row).await?;
    context.append(&mut transaction, &actor, Event::SignInCodeIssued { user, expires_at }).await?;
    transaction.commit().await?;
    Ok(SignInCode { code, expires_at })
}
