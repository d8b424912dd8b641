//! Signing in with a one-time code.
use imp_identity::invitation::Code;
use imp_identity::user::{Role, User};
use imp_identity::{Actor, Event, Secret, UserId};
use imp_storage::{StorageError, Transaction};
use jiff::Timestamp;

use super::{Context, NewUser, token};
use crate::store::Tables as _;

/// A person is signed in for administration.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// Her bearer token.
    pub token: Secret<String>,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// The code was not redeemed.
#[derive(Debug, thiserror::Error)]
pub enum RedeemSignInCodeError {
    /// No such code, or used before.
    #[error("the one-time code is not valid")]
    Invalid,
    /// It was valid once.
    #[error("the one-time code has expired: ask for a new one")]
    Expired,
    /// She may not sign in.
    #[error("the user is disabled")]
    UserDisabled,
    /// The administrator token creates the first administrator; her names are missing.
    #[error("the administrator token needs the first administrator's names")]
    AdministratorMissing,
    /// Only the administrator token creates a user.
    #[error("this code does not create an administrator")]
    AdministratorUnexpected,
    /// Somebody has the first administrator's name.
    #[error("the username is taken")]
    UsernameTaken,
    /// See the source.
    #[error("could not store the sign-in")]
    Storage(#[source] StorageError),
}

impl From<StorageError> for RedeemSignInCodeError {
    fn from(error: StorageError) -> Self {
        if error.is_unique_violation() { Self::UsernameTaken } else { Self::Storage(error) }
    }
}

/// Uses a one-time code: a sign-in code, or the administrator token together with the first administrator to create.
/// A refused code can be used again within its time.
pub async fn redeem_sign_in_code(
    context: &mut Context<'_>,
    code: &Code,
    first_administrator: Option<NewUser>,
) -> Result<SignedIn, RedeemSignInCodeError> {
    // A stranger's wrong guess must not make the one writer's queue longer.
    if !context.storage.read().await?.sign_in().has_code(code.digest()).await? {
        return Err(RedeemSignInCodeError::Invalid);
    }
    let mut transaction = context.storage.begin().await?;
    let invited = transaction.sign_in().take_code(code.digest()).await?;
    let invited = invited.ok_or(RedeemSignInCodeError::Invalid)?;
    if context.now >= invited.expires_at {
        return Err(RedeemSignInCodeError::Expired);
    }
    let user = match (invited.user, first_administrator) {
        (Some(id), None) => transaction.users().find(id).await?,
        (None, Some(new)) => Some(create_first(context, &mut transaction, new).await?),
        (Some(_), Some(_)) => return Err(RedeemSignInCodeError::AdministratorUnexpected),
        (None, None) => return Err(RedeemSignInCodeError::AdministratorMissing),
    };
    let user = user.ok_or(RedeemSignInCodeError::Invalid)?;
    if !user.is_active() {
        return Err(RedeemSignInCodeError::UserDisabled);
    }
    let (token, digest) = token::generate(&mut context.rng);
    let expires_at = context.now + token::LIFETIME;
    transaction.sign_in().add_token(digest, user.id, expires_at).await?;
    let event = Event::AccessTokenIssued { user: user.id, expires_at };
    context.append(&mut transaction, &Actor::User(user.id), event).await?;
    transaction.commit().await?;
    Ok(SignedIn { user, token, expires_at })
}

async fn create_first(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    new: NewUser,
) -> Result<User, StorageError> {
    let id = UserId::generate(context.now, &mut context.rng);
    let (user, event) = NewUser { role: Role::Administrator, ..new }.create(id);
    transaction.users().add(&user).await?;
    let actor = Actor::User(id);
    context.append(transaction, &actor, Event::AdministratorTokenRedeemed { user: id }).await?;
    context.append(transaction, &actor, event).await?;
    Ok(user)
}
