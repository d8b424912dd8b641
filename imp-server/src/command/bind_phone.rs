//! Binding a phone with its one-time code.
use imp_identity::Actor;
use imp_identity::invitation::{Code, InvitationError};
use imp_identity::phone::{Binding, Phone, PhoneError};
use imp_identity::user::User;
use imp_storage::StorageError;

use super::Context;
use super::public_key::{self, InvalidPublicKey};
use crate::store::Tables as _;

/// A phone is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneBound {
    /// The phone.
    pub phone: Phone,
    /// What is known of it.
    pub binding: Binding,
    /// Its user.
    pub user: User,
}

/// The phone was not bound.
#[derive(Debug, thiserror::Error)]
pub enum BindPhoneError {
    /// The key is not one of this protocol.
    #[error(transparent)]
    PublicKey(#[from] InvalidPublicKey),
    /// The code or the phone does not count.
    #[error(transparent)]
    Refused(#[from] PhoneError),
    /// Its user may not be authenticated.
    #[error("the user is disabled")]
    UserDisabled,
    /// See the source.
    #[error("could not store the phone")]
    Storage(#[from] StorageError),
}

/// Binds the phone that shows a one-time code. Showing it again within its time with the same key, because the answer
/// was lost, is answered the same. The user's earlier phone goes on counting until the enrolment is complete.
pub async fn bind_phone(
    context: &mut Context<'_>,
    code: &Code,
    public_key: Vec<u8>,
) -> Result<PhoneBound, BindPhoneError> {
    public_key::check(&public_key)?;
    // A stranger's wrong guess must not make the one writer's queue longer.
    let found = context.storage.read().await?.phones().find_by_code(code.digest()).await?;
    found.ok_or(PhoneError::Invitation(InvitationError::Wrong))?;
    let mut transaction = context.storage.begin().await?;
    let found = transaction.phones().find_by_code(code.digest()).await?;
    let (phone, invitation) = found.ok_or(PhoneError::Invitation(InvitationError::Wrong))?;
    let user = transaction.users().find(phone.user).await?;
    let user = user.filter(User::is_active).ok_or(BindPhoneError::UserDisabled)?;
    let known = phone.binding().filter(|binding| binding.public_key == public_key).cloned();
    if let Some(binding) = known.filter(|_| context.now < invitation.expires_at) {
        return Ok(PhoneBound { phone, binding, user });
    }
    let mut identifier_key = [0; 32];
    context.rng.fill_bytes(&mut identifier_key);
    let binding = Binding { public_key, identifier_key, at: context.now };
    let (phone, event) = phone.bind(code, binding.clone())?;
    transaction.phones().update(&phone).await?;
    context.append(&mut transaction, &Actor::Phone(phone.id), event).await?;
    transaction.commit().await?;
    Ok(PhoneBound { phone, binding, user })
}
