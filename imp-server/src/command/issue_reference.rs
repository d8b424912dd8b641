//! Signing a reference credential.
use imp_authenticator::{ReferenceCredential, SignError};
use imp_identity::enrolment::{Assurance, Enrolment, EnrolmentError};
use imp_identity::phone::Revocation;
use imp_identity::policy::Policy;
use imp_identity::reference::{Reference, State};
use imp_identity::user::User;
use imp_identity::{Actor, Digest, EnrolmentId, ReferenceId, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction};

use super::{Context, officer};
use crate::store::Tables as _;

/// The longest name of a model set, in bytes.
const MODEL_SET: usize = 64;

/// What was captured at the enrolment desk.
#[derive(Clone, Debug)]
pub struct IssueReference {
    /// Who supervises.
    pub officer: UserId,
    /// Where.
    pub workstation: WorkstationId,
    /// The enrolment.
    pub enrolment: EnrolmentId,
    /// SHA-256(salt ‖ template).
    pub digest: Digest,
    /// The models that made it, as `name@version`.
    pub model_set: String,
}

/// A reference and the server's word on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceIssued {
    /// The reference; it counts once the phone has confirmed it.
    pub reference: Reference,
    /// The signed credential, `COSE_Sign1`.
    pub credential: Vec<u8>,
}

/// No credential was signed.
#[derive(Debug, thiserror::Error)]
pub enum IssueReferenceError {
    /// There is no such enrolment at this workstation.
    #[error("no such enrolment at this workstation")]
    NotFound,
    /// Another officer began it, or she is no officer any more.
    #[error("only the officer who began the enrolment can continue it")]
    NotOfficer,
    /// She may not be authenticated any more.
    #[error("the user is disabled")]
    UserDisabled,
    /// The phone has not used its code yet, or was revoked.
    #[error("the phone is not bound")]
    PhoneNotBound,
    /// The model set has no proper name, or policy does not allow it.
    #[error("the model set is not one that policy allows")]
    ModelSet,
    /// It is complete, or took too long.
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
    /// See the source.
    #[error("could not sign the reference credential")]
    Sign(#[from] SignError),
    /// See the source.
    #[error("could not store the reference")]
    Storage(#[from] StorageError),
}

/// Signs a reference by its digest. A capture may be repeated within an enrolment: references of earlier tries that
/// were not confirmed are superseded.
pub async fn issue_reference(
    context: &mut Context<'_>,
    request: IssueReference,
) -> Result<ReferenceIssued, IssueReferenceError> {
    let mut transaction = context.storage.begin().await?;
    let enrolment = check(context, &mut transaction, &request).await?;
    let policy = transaction.policies().current().await?;
    if !allows(&policy, &request.model_set) {
        return Err(IssueReferenceError::ModelSet);
    }
    let actor = Actor::User(request.officer);
    for earlier in transaction.references().current_of_phone(enrolment.phone).await? {
        if let (State::Issued, Ok((earlier, event))) =
            (earlier.state, earlier.revoke(context.now, Revocation::Superseded))
        {
            transaction.references().update(&earlier).await?;
            context.append(&mut transaction, &actor, event).await?;
        }
    }
    let reference = Reference {
        id: ReferenceId::generate(context.now, &mut context.rng),
        user: enrolment.user,
        phone: enrolment.phone,
        digest: request.digest,
        model_set: request.model_set,
        enrolment: enrolment.id,
        officer: request.officer,
        enrolled_at: context.now,
        expires_at: context.now + policy.reference_lifetime,
        state: State::Issued,
    };
    let credential = credential(&reference).sign(context.signer)?;
    transaction.references().add(&reference).await?;
    context.append(&mut transaction, &actor, reference.issued()).await?;
    transaction.commit().await?;
    Ok(ReferenceIssued { reference, credential })
}

async fn check(
    context: &Context<'_>,
    transaction: &mut Transaction,
    request: &IssueReference,
) -> Result<Enrolment, IssueReferenceError> {
    let found = transaction.enrolments().find(request.enrolment).await?;
    let found = found.filter(|(enrolment, _)| enrolment.workstation == request.workstation);
    let (enrolment, _) = found.ok_or(IssueReferenceError::NotFound)?;
    let officer = officer::find(transaction, request.officer).await?;
    if officer.is_none_or(|officer| officer.id != enrolment.officer) {
        return Err(IssueReferenceError::NotOfficer);
    }
    enrolment.check(context.now)?;
    let user = transaction.users().find(enrolment.user).await?;
    user.filter(User::is_active).ok_or(IssueReferenceError::UserDisabled)?;
    let phone = transaction.phones().find(enrolment.phone).await?;
    if phone.is_none_or(|phone| phone.binding().is_none()) {
        return Err(IssueReferenceError::PhoneNotBound);
    }
    Ok(enrolment)
}

/// Whether references of a model set may be enrolled: those that taps may be made with.
fn allows(policy: &Policy, model_set: &str) -> bool {
    let named = (1..=MODEL_SET).contains(&model_set.len())
        && model_set.bytes().all(|byte| byte.is_ascii_graphic());
    let listed = |set: &imp_identity::policy::ModelSetFloor| set.model_set == model_set;
    named && (policy.model_sets.is_empty() || policy.model_sets.iter().any(listed))
}

fn credential(reference: &Reference) -> ReferenceCredential {
    ReferenceCredential {
        reference: reference.id,
        user: reference.user,
        phone: reference.phone,
        digest: reference.digest,
        model_set: reference.model_set.clone(),
        enrolled_at: reference.enrolled_at,
        enrolled_by: reference.officer,
        assurance: Assurance::Supervised,
        expires_at: reference.expires_at,
    }
}
