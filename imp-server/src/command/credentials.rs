//! Passkeys and security keys of users: registering, naming, removing.
use imp_identity::credential::{Credential, MOST};
use imp_identity::name::Label;
use imp_identity::phone::{Phone, Revocation, State};
use imp_identity::user::User;
use imp_identity::{Actor, CredentialId, UserId};
use imp_storage::{Storage, StorageError, Transaction};
use imp_webauthn::{Authenticator, BeginError, Registrant, RegistrationError, RelyingParty};
use serde_json::Value;
use uuid::Uuid;

use super::Context;
use super::sign_in_browser::{Asked, CEREMONY};
use super::sign_on::end_sign_ons_of_credential;
use crate::store::{Ceremony, CeremonyKind, Tables as _};

/// The credential was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterCredentialError {
    /// She has as many as there may be.
    #[error("there are {MOST} passkeys and security keys already: remove one first")]
    TooMany,
    /// The question has expired, was answered, or was another person's.
    #[error("this was asked too long ago: begin again")]
    Expired,
    /// It is registered, perhaps for somebody else.
    #[error("this passkey or security key is registered already")]
    Taken,
    /// See the source.
    #[error("passkeys cannot be registered")]
    Unavailable(#[from] BeginError),
    /// See the source.
    #[error("the passkey or security key was refused")]
    Refused(#[source] RegistrationError),
    /// See the source.
    #[error("could not store the credential")]
    Storage(#[source] StorageError),
}

/// The credential was not renamed or removed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeCredentialError {
    /// The user has no such credential.
    #[error("no such passkey or security key")]
    NotFound,
    /// She could not sign in any more.
    #[error("this is the last way to sign in: add another one first")]
    LastWay,
    /// See the source.
    #[error("could not store the credential")]
    Storage(#[from] StorageError),
}

impl From<StorageError> for RegisterCredentialError {
    fn from(error: StorageError) -> Self {
        if error.is_unique_violation() { Self::Taken } else { Self::Storage(error) }
    }
}

/// Asks a browser to register a credential for a user.
pub async fn begin_credential(
    context: &mut Context<'_>,
    party: &RelyingParty,
    user: &User,
    authenticator: Authenticator,
) -> Result<Asked, RegisterCredentialError> {
    let mut transaction = context.storage.begin().await?;
    let existing = transaction.credentials().of_user(user.id).await?;
    if existing.len() >= MOST {
        return Err(RegisterCredentialError::TooMany);
    }
    let existing: Vec<_> = existing.into_iter().map(|credential| credential.handle).collect();
    let who = Registrant {
        user: user.id,
        username: &user.username,
        display_name: &user.display_name,
        existing: &existing,
    };
    let begun = party.begin_registration(who, authenticator)?;
    let ceremony = Ceremony {
        id: CredentialId::generate(context.now, &mut context.rng).as_uuid(),
        kind: CeremonyKind::Registration,
        interaction: None,
        user: Some(user.id),
        workstation: None,
        state: begun.state,
        expires_at: context.now + CEREMONY,
    };
    transaction.ceremonies().add(&ceremony).await?;
    transaction.commit().await?;
    Ok(Asked { ceremony: ceremony.id, options: begun.options })
}

/// Registers what a user's authenticator answered, by the name that she gives it.
pub async fn finish_credential(
    context: &mut Context<'_>,
    party: &RelyingParty,
    user: &User,
    ceremony: Uuid,
    (name, answer): (Label, Value),
) -> Result<Credential, RegisterCredentialError> {
    let mut transaction = context.storage.begin().await?;
    let taken = transaction.ceremonies().take(ceremony).await?;
    let taken = taken.filter(|taken| {
        taken.kind == CeremonyKind::Registration
            && taken.user == Some(user.id)
            && context.now < taken.expires_at
    });
    let taken = taken.ok_or(RegisterCredentialError::Expired)?;
    if transaction.credentials().of_user(user.id).await?.len() >= MOST {
        return Err(RegisterCredentialError::TooMany);
    }
    let registered = party.finish_registration(answer, &taken.state);
    let registered = match registered {
        Ok(registered) => registered,
        Err(error) => {
            transaction.commit().await?;
            return Err(RegisterCredentialError::Refused(error));
        }
    };
    let credential = Credential {
        id: CredentialId::generate(context.now, &mut context.rng),
        user: user.id,
        handle: registered.handle,
        name,
        kind: registered.kind,
        aaguid: registered.aaguid,
        attested: registered.attested,
        public_part: registered.public_part,
        registered_at: context.now,
        used_at: None,
    };
    transaction.credentials().add(&credential).await?;
    let actor = Actor::User(user.id);
    context.append(&mut transaction, &actor, credential.registered()).await?;
    transaction.commit().await?;
    Ok(credential)
}

/// A user's credentials, in the order of their registration.
pub async fn credentials_of_user(
    storage: &Storage,
    user: UserId,
) -> Result<Vec<Credential>, StorageError> {
    storage.read().await?.credentials().of_user(user).await
}

/// Calls one of a user's credentials something else.
pub async fn rename_credential(
    context: &mut Context<'_>,
    user: UserId,
    id: CredentialId,
    name: Label,
) -> Result<Credential, ChangeCredentialError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.credentials().find(id).await?;
    let found = found.filter(|found| found.user == user);
    let (credential, event) = found.ok_or(ChangeCredentialError::NotFound)?.rename(name);
    transaction.credentials().update(&credential).await?;
    context.append(&mut transaction, &Actor::User(user), event).await?;
    transaction.commit().await?;
    Ok(credential)
}

/// Removes one of a user's own credentials, never her last way to sign in; what it opened ends.
pub async fn remove_own_credential(
    context: &mut Context<'_>,
    user: UserId,
    id: CredentialId,
) -> Result<Credential, ChangeCredentialError> {
    let mut transaction = context.storage.begin().await?;
    let others = transaction.credentials().of_user(user).await?;
    if others.iter().all(|other| other.id == id) && !taps(&mut transaction, user).await? {
        return Err(ChangeCredentialError::LastWay);
    }
    remove(context, transaction, &Actor::User(user), (user, id), Revocation::Superseded).await
}

/// Removes somebody's credential: one that was lost must go, also if it was the last. An officer's code is the way back.
pub async fn remove_credential(
    context: &mut Context<'_>,
    actor: &Actor,
    user: UserId,
    id: CredentialId,
    reason: Revocation,
) -> Result<Credential, ChangeCredentialError> {
    let transaction = context.storage.begin().await?;
    remove(context, transaction, actor, (user, id), reason).await
}

async fn remove(
    context: &mut Context<'_>,
    mut transaction: Transaction,
    actor: &Actor,
    (user, id): (UserId, CredentialId),
    reason: Revocation,
) -> Result<Credential, ChangeCredentialError> {
    let found = transaction.credentials().find(id).await?;
    let credential = found.filter(|found| found.user == user);
    let credential = credential.ok_or(ChangeCredentialError::NotFound)?;
    transaction.credentials().remove(id).await?;
    context.append(&mut transaction, actor, credential.removed(reason)).await?;
    end_sign_ons_of_credential(context, &mut transaction, actor, id).await?;
    transaction.commit().await?;
    Ok(credential)
}

/// Whether a user can tap: a phone is bound, with a face on it.
async fn taps(transaction: &mut Transaction, user: UserId) -> Result<bool, StorageError> {
    let bound = |phone: &Phone| matches!(phone.state, State::Bound(_));
    let phones = transaction.phones().of_user(user).await?;
    let faces = transaction.references().current_of_user(user).await?;
    Ok(phones.iter().any(bound) && !faces.is_empty())
}
