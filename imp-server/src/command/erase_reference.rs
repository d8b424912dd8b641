//! A user's erasure of her reference (GDPR Art. 17).
use imp_authenticator::SignError;
use imp_identity::phone::Revocation;
use imp_identity::{Actor, PhoneId, ReferenceId};
use imp_storage::StorageError;

use super::Context;
use super::receipt::About;
use crate::store::Tables as _;

/// Nothing was erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseReferenceError {
    /// The phone has no reference and never erased one.
    #[error("there is no reference on this phone")]
    NothingToErase,
    /// See the source.
    #[error("could not sign the receipt")]
    Sign(#[from] SignError),
    /// See the source.
    #[error("could not store the erasure")]
    Storage(#[from] StorageError),
}

/// Revokes the reference of a phone whose user had it erased; every reference of the phone when none is named. Answers the signed receipt; a phone that did not get it
/// gets the same again.
pub async fn erase_reference(
    context: &mut Context<'_>,
    phone: PhoneId,
    named: Option<ReferenceId>,
) -> Result<Vec<u8>, EraseReferenceError> {
    let mut transaction = context.storage.begin().await?;
    let mut receipt = None;
    let current = transaction.references().current_of_phone(phone).await?;
    for reference in current.into_iter().filter(|known| named.is_none_or(|id| id == known.id)) {
        let Ok((reference, event)) = reference.revoke(context.now, Revocation::Erased) else {
            continue;
        };
        transaction.references().update(&reference).await?;
        let kind = event.name();
        let appended = context.append(&mut transaction, &Actor::Phone(phone), event).await?;
        let user = Some(reference.user);
        let about = About { kind, user, workstation: None, purpose: None, session: None };
        let signed = context.receipt(appended, &about)?;
        transaction.references().keep_erasure_receipt(reference.id, &signed).await?;
        receipt = Some(signed);
    }
    if receipt.is_none() {
        receipt = transaction.references().erasure_receipt(phone).await?;
    }
    transaction.commit().await?;
    receipt.ok_or(EraseReferenceError::NothingToErase)
}
