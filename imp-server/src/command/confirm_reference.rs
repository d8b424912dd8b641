//! Completing an enrolment: the phone holds the reference.
use imp_authenticator::{SignError, StatementError, UnverifiedStorageStatement};
use imp_identity::attempts::Attempts;
use imp_identity::enrolment::{Enrolment, EnrolmentError};
use imp_identity::phone::{Phone, Revocation};
use imp_identity::reference::{Reference, ReferenceError};
use imp_identity::user::User;
use imp_identity::{Actor, Digest, EnrolmentId, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction};

use super::receipt::About;
use super::{Context, officer};
use crate::store::{Confirmation, Tables as _};

/// The phone's word that it sealed the reference.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmReference<'a> {
    /// Who supervises.
    pub officer: UserId,
    /// Where.
    pub workstation: WorkstationId,
    /// The enrolment.
    pub enrolment: EnrolmentId,
    /// The phone's storage statement, `COSE_Sign1`.
    pub statement: &'a [u8],
}

/// The enrolment was not completed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmReferenceError {
    /// There is no such enrolment at this workstation.
    #[error("no such enrolment at this workstation")]
    NotFound,
    /// Another officer began it, or she is no officer any more.
    #[error("only the officer who began the enrolment can continue it")]
    NotOfficer,
    /// She may not be authenticated any more.
    #[error("the user is disabled")]
    UserDisabled,
    /// The phone was revoked.
    #[error("the phone is not bound")]
    PhoneNotBound,
    /// The statement is malformed or not signed by the bound phone.
    #[error("the phone's storage statement does not count")]
    Statement(#[source] StatementError),
    /// The statement is by another phone, or about a reference that was not issued in this enrolment.
    #[error("the phone confirmed another reference than the one that was issued")]
    OtherReference,
    /// A later try superseded the reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// It was completed with another statement, or took too long.
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
    /// See the source.
    #[error("could not sign the receipt")]
    Sign(#[from] SignError),
    /// See the source.
    #[error("could not store the confirmation")]
    Storage(#[from] StorageError),
}

/// Activates the reference, retires the user's earlier references and phones, forgets her failed comparisons, and
/// completes the enrolment. Answers the signed receipt; the same statement again gets the same receipt again.
pub async fn confirm_reference(
    context: &mut Context<'_>,
    request: ConfirmReference<'_>,
) -> Result<Vec<u8>, ConfirmReferenceError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.enrolments().find(request.enrolment).await?;
    let found = found.filter(|(enrolment, _)| enrolment.workstation == request.workstation);
    let (enrolment, earlier) = found.ok_or(ConfirmReferenceError::NotFound)?;
    let officer = officer::find(&mut transaction, request.officer).await?;
    if officer.is_none_or(|officer| officer.id != enrolment.officer) {
        return Err(ConfirmReferenceError::NotOfficer);
    }
    let statement = Digest::of(&[request.statement]);
    if let Some(earlier) = earlier.filter(|earlier| earlier.statement == statement) {
        return Ok(earlier.receipt);
    }
    enrolment.check(context.now)?;
    let user = transaction.users().find(enrolment.user).await?;
    user.filter(User::is_active).ok_or(ConfirmReferenceError::UserDisabled)?;
    let reference = confirmed(&mut transaction, &enrolment, request.statement).await?;

    let actor = Actor::User(request.officer);
    retire_references(context, &mut transaction, &actor, &reference).await?;
    let (reference, activated) = reference.activate()?;
    transaction.references().update(&reference).await?;
    context.append(&mut transaction, &actor, activated).await?;
    retire_phones(context, &mut transaction, &actor, &enrolment).await?;
    transaction.attempts().put(&Attempts::none(enrolment.user)).await?;
    let receipt = complete(context, &mut transaction, enrolment, statement).await?;
    transaction.commit().await?;
    Ok(receipt)
}

/// The reference that the phone says it sealed, if it was issued in this enrolment.
async fn confirmed(
    transaction: &mut Transaction,
    enrolment: &Enrolment,
    statement: &[u8],
) -> Result<Reference, ConfirmReferenceError> {
    let phone = transaction.phones().find(enrolment.phone).await?;
    let key = phone.as_ref().and_then(Phone::binding).map(|binding| binding.public_key.as_slice());
    let key = key.ok_or(ConfirmReferenceError::PhoneNotBound)?;
    let claim =
        UnverifiedStorageStatement::parse(statement).map_err(ConfirmReferenceError::Statement)?;
    let signed_by_it = claim.phone() == enrolment.phone;
    let statement = claim.verify(key).map_err(ConfirmReferenceError::Statement)?;
    let reference = transaction.references().find(statement.reference).await?;
    reference
        .filter(|reference| {
            signed_by_it
                && reference.enrolment == enrolment.id
                && reference.digest == statement.digest
        })
        .ok_or(ConfirmReferenceError::OtherReference)
}

async fn retire_references(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    kept: &Reference,
) -> Result<(), StorageError> {
    for earlier in transaction.references().current_of_user(kept.user).await? {
        if earlier.id == kept.id {
            continue;
        }
        if let Ok((earlier, event)) = earlier.revoke(context.now, Revocation::Superseded) {
            transaction.references().update(&earlier).await?;
            context.append(transaction, actor, event).await?;
        }
    }
    Ok(())
}

async fn retire_phones(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    enrolment: &Enrolment,
) -> Result<(), StorageError> {
    for earlier in transaction.phones().of_user(enrolment.user).await? {
        if earlier.id == enrolment.phone {
            continue;
        }
        // Those that were revoked before stay as they are.
        if let Ok((earlier, event)) = earlier.revoke(context.now, Revocation::Superseded) {
            transaction.phones().update(&earlier).await?;
            context.append(transaction, actor, event).await?;
        }
    }
    Ok(())
}

async fn complete(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    enrolment: Enrolment,
    statement: Digest,
) -> Result<Vec<u8>, ConfirmReferenceError> {
    let workstation = transaction.workstations().find(enrolment.workstation).await?;
    let (enrolment, event) = enrolment.complete(context.now)?;
    let kind = event.name();
    let appended = context.append(transaction, &Actor::User(enrolment.officer), event).await?;
    let about = About {
        kind,
        user: Some(enrolment.user),
        workstation: workstation.as_ref(),
        purpose: None,
        session: None,
    };
    let receipt = context.receipt(appended, &about)?;
    let confirmation = Confirmation { statement, receipt: receipt.clone() };
    transaction.enrolments().complete(&enrolment, &confirmation).await?;
    Ok(receipt)
}
