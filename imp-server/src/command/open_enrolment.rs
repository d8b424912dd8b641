//! Beginning a supervised enrolment.
use imp_identity::enrolment::{Enrolment, State};
use imp_identity::invitation::{Code, Invitation};
use imp_identity::name::Username;
use imp_identity::phone::Phone;
use imp_identity::user::User;
use imp_identity::{Actor, EnrolmentId, PhoneId, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction};
use jiff::SignedDuration;

use super::{Context, officer};
use crate::store::Tables as _;

/// How long an enrolment may take, from notice to the phone's confirmation; the phone's code counts as long.
const LIFETIME: SignedDuration = SignedDuration::from_mins(30);
/// The longest name of a notice's version, in bytes.
const NOTICE: usize = 128;

/// Who is to be enrolled, where, and by whom.
#[derive(Clone, Debug)]
pub struct OpenEnrolment {
    /// Who supervises.
    pub officer: UserId,
    /// Where.
    pub workstation: WorkstationId,
    /// Who is enrolled.
    pub username: Username,
    /// The version of the notice that she read and agreed to: 1 to 128 bytes.
    pub notice: String,
}

/// An enrolment has begun.
#[derive(Clone, Debug)]
pub struct EnrolmentOpened {
    /// The enrolment; it names the phone to be bound.
    pub enrolment: Enrolment,
    /// Who is enrolled.
    pub user: User,
    /// The phone's one-time code.
    pub code: Code,
}

/// The enrolment did not begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenEnrolmentError {
    /// Only an active officer or administrator supervises.
    #[error("only an officer can supervise an enrolment")]
    NotOfficer,
    /// There is no such user.
    #[error("no such user")]
    UserNotFound,
    /// She may not be enrolled.
    #[error("the user is disabled")]
    UserDisabled,
    /// An enrolment takes two people.
    #[error("an officer cannot supervise her own enrolment")]
    OwnEnrolment,
    /// The notice is not named.
    #[error("the version of the notice must be named in 1 to 128 bytes")]
    Notice,
    /// The workstation does not count.
    #[error("this workstation is not enrolled")]
    WorkstationRevoked,
    /// See the source.
    #[error("could not store the enrolment")]
    Storage(#[from] StorageError),
}

/// Begins an enrolment and invites the user's next phone. Her earlier phone goes on counting until this is complete.
pub async fn open_enrolment(
    context: &mut Context<'_>,
    request: OpenEnrolment,
) -> Result<EnrolmentOpened, OpenEnrolmentError> {
    let mut transaction = context.storage.begin().await?;
    let user = check(&mut transaction, &request).await?;
    let (invitation, code) = Invitation::open(LIFETIME, context.now, &mut context.rng);
    let phone = PhoneId::generate(context.now, &mut context.rng);
    let (phone, invited) = Phone::invite(phone, user.id, invitation);
    let enrolment = Enrolment {
        id: EnrolmentId::generate(context.now, &mut context.rng),
        user: user.id,
        officer: request.officer,
        workstation: request.workstation,
        phone: phone.id,
        notice: request.notice,
        opened_at: context.now,
        expires_at: invitation.expires_at,
        state: State::Open,
    };
    transaction.phones().add(&phone, &invitation).await?;
    transaction.enrolments().add(&enrolment).await?;
    let actor = Actor::User(request.officer);
    context.append(&mut transaction, &actor, invited).await?;
    context.append(&mut transaction, &actor, enrolment.opened()).await?;
    transaction.commit().await?;
    Ok(EnrolmentOpened { enrolment, user, code })
}

async fn check(
    transaction: &mut Transaction,
    request: &OpenEnrolment,
) -> Result<User, OpenEnrolmentError> {
    if !(1..=NOTICE).contains(&request.notice.len()) {
        return Err(OpenEnrolmentError::Notice);
    }
    let officer = officer::find(transaction, request.officer).await?;
    let officer = officer.ok_or(OpenEnrolmentError::NotOfficer)?;
    let workstation = transaction.workstations().find(request.workstation).await?;
    if workstation.is_none_or(|workstation| workstation.public_key().is_none()) {
        return Err(OpenEnrolmentError::WorkstationRevoked);
    }
    let user = transaction.users().find_by_name(&request.username).await?;
    let user = user.ok_or(OpenEnrolmentError::UserNotFound)?;
    if !user.is_active() {
        return Err(OpenEnrolmentError::UserDisabled);
    }
    if user.id == officer.id {
        return Err(OpenEnrolmentError::OwnEnrolment);
    }
    Ok(user)
}
