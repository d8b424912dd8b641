//! A user's erasure of her reference (GDPR Art. 17).
use imp_authenticator::SignError;
use imp_identity::phone::Revocation;
use imp_identity::{Actor, PhoneId};
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

/// Revokes the references of a phone whose user had them erased. Answers the signed receipt; a phone that did not get it
/// gets the same again.
pub async fn erase_reference(
    context: &mut Context<'_>,
    phone: PhoneId,
) -> Result<Vec<u8>, EraseReferenceError> {
    let mut transaction = context.storage.begin().await?;
    let mut receipt = None;
    for reference in transaction.references().current_of_phone(phone).await? {
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
