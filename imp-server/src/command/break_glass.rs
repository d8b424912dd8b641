//! Entering without the usual proof in an emergency, and judging it afterwards.
use imp_identity::authentication::{Aal, Authentication, Means, SignInRefusal};
use imp_identity::emergency::{Emergency, ReviewError, VOUCHING};
use imp_identity::name::{Remark, Username};
use imp_identity::policy::{BreakGlass, SessionLimits, Witness};
use imp_identity::session::{Proof, Session};
use imp_identity::tap::Purpose;
use imp_identity::user::User;
use imp_identity::{Actor, Event, SessionId, UserId, WorkstationId};
use imp_storage::{Storage, StorageError, Transaction};

use super::change_sessions::{Arrival, change};
use super::{Context, UserSession};
use crate::store::Tables as _;

/// What somebody says who has to work and cannot be authenticated.
#[derive(Clone, Debug)]
pub struct BreakingGlass {
    /// Where.
    pub workstation: WorkstationId,
    /// Who she says she is.
    pub username: Username,
    /// Why.
    pub reason: Remark,
}

/// Nobody was let in.
#[derive(Debug, thiserror::Error)]
pub enum BreakGlassError {
    /// Nobody is, or she is not, or there is no such person: strangers do not learn which. It is in the log.
    #[error("this is not allowed here")]
    Refused,
    /// Somebody who was authenticated a moment ago has to vouch for her.
    #[error("a second person has to tap here now, and so vouches for this; then ask again")]
    SecondPersonRequired,
    /// See the source.
    #[error("could not store the entry")]
    Storage(#[from] StorageError),
}

/// The entry was not judged.
#[derive(Debug, thiserror::Error)]
pub enum ReviewBreakGlassError {
    /// There is no such entry.
    #[error("no such entry in an emergency")]
    NotFound,
    /// It cannot be judged, or not by her.
    #[error(transparent)]
    Refused(#[from] ReviewError),
    /// See the source.
    #[error("could not store the review")]
    Storage(#[from] StorageError),
}

/// Opens a short session in an emergency. Where a second person is needed, the first question only asks for her: she taps
/// after it, within [`VOUCHING`], and the same question is asked again.
pub async fn break_glass(
    context: &mut Context<'_>,
    breaking: BreakingGlass,
) -> Result<UserSession, BreakGlassError> {
    let mut transaction = context.storage.begin().await?;
    let workstation = breaking.workstation;
    let policy = transaction.policies().current().await?;
    let user = transaction.users().find_by_name(&breaking.username).await?;
    let id = user.as_ref().map(|user| user.id);
    let second = vouching(context, &mut transaction, &breaking).await?;
    let needed = policy.break_glass.as_ref().map(|emergency| emergency.witness);
    if second.is_none() && needed == Some(Witness::SecondPerson) {
        // The same for everybody: strangers do not learn who may come in so.
        let username = &breaking.username;
        transaction.emergencies().ask(workstation, username, context.now).await?;
        let refused = (id, SignInRefusal::Policy);
        refuse(context, &mut transaction, workstation, refused).await?;
        transaction.commit().await?;
        return Err(BreakGlassError::SecondPersonRequired);
    }
    transaction.emergencies().answer(workstation).await?;
    let (user, emergency) = match permitted(user.as_ref(), policy.break_glass.as_ref()) {
        Ok(permitted) => permitted,
        Err(reason) => {
            refuse(context, &mut transaction, workstation, (id, reason)).await?;
            transaction.commit().await?;
            return Err(BreakGlassError::Refused);
        }
    };
    let limits = SessionLimits { overall: emergency.lifetime, ..policy.session.clone() };
    let session = open(context, &mut transaction, (user, workstation), &limits).await?;
    let (entry, event) =
        Emergency::enter(&session, breaking.reason, second, emergency, context.now);
    transaction.emergencies().add(&entry).await?;
    context.append(&mut transaction, &Actor::Workstation(workstation), event).await?;
    transaction.commit().await?;
    Ok(UserSession { session, user: user.clone() })
}

async fn open(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    (user, workstation): (&User, WorkstationId),
    limits: &SessionLimits,
) -> Result<Session, BreakGlassError> {
    let arrival = Arrival {
        user: user.id,
        workstation,
        purpose: Purpose::TapIn,
        proof: Proof::Authentication(Authentication::emergency(context.now)),
    };
    let touched = transaction.sessions().touched_by_tap(user.id, workstation).await?;
    let change = change(arrival, touched, limits, context.now, &mut context.rng);
    // A session is always opened for whoever arrives with a proof.
    let change = change.map_err(|_| BreakGlassError::Refused)?;
    let actor = Actor::Workstation(workstation);
    Ok(change.store(context, transaction, &actor, limits.on_suspend).await?)
}

/// Whether the policy lets her in so.
fn permitted<'a>(
    user: Option<&'a User>,
    policy: Option<&'a BreakGlass>,
) -> Result<(&'a User, &'a BreakGlass), SignInRefusal> {
    let user = user.ok_or(SignInRefusal::Unknown)?;
    if !user.is_active() {
        return Err(SignInRefusal::UserDisabled);
    }
    let policy = policy.filter(|policy| policy.allows(user.role, user.unit.as_ref()));
    policy.map(|policy| (user, policy)).ok_or(SignInRefusal::Policy)
}

/// Who, other than she, was authenticated at the workstation after somebody asked there in her name, and is at work there.
async fn vouching(
    context: &Context<'_>,
    transaction: &mut Transaction,
    breaking: &BreakingGlass,
) -> Result<Option<UserId>, StorageError> {
    let (now, workstation) = (context.now, breaking.workstation);
    let asked = transaction.emergencies().asked(workstation, &breaking.username).await?;
    let Some(asked) = asked.filter(|asked| now.duration_since(*asked) <= VOUCHING) else {
        return Ok(None);
    };
    let here = transaction.sessions().open_at(workstation).await?;
    let vouches = |found: &UserSession| {
        let Authentication { at, aal, .. } = found.session.authentication;
        found.user.username != breaking.username
            && found.user.is_active()
            && found.session.is_active(now)
            && aal >= Aal::Aal2
            && at > asked
    };
    Ok(here.into_iter().find(vouches).map(|found| found.user.id))
}

async fn refuse(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    workstation: WorkstationId,
    (user, reason): (Option<UserId>, SignInRefusal),
) -> Result<(), StorageError> {
    let (means, place) = (Means::BreakGlass, Some(workstation));
    let event = Event::SignInRefused { user, workstation: place, means, reason };
    context.append(transaction, &Actor::Workstation(workstation), event).await?;
    Ok(())
}

/// Judges an entry in an emergency.
pub async fn review_break_glass(
    context: &mut Context<'_>,
    reviewer: &Actor,
    session: SessionId,
    (justified, remark): (bool, Remark),
) -> Result<Emergency, ReviewBreakGlassError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.emergencies().find(session).await?;
    let found = found.ok_or(ReviewBreakGlassError::NotFound)?;
    let (judged, event) = found.review(reviewer, justified, remark, context.now)?;
    transaction.emergencies().update(&judged).await?;
    context.append(&mut transaction, reviewer, event).await?;
    transaction.commit().await?;
    Ok(judged)
}

/// The entries that nobody has reviewed, the most urgent first, at most 500, and who entered.
pub async fn owed_reviews(storage: &Storage) -> Result<Vec<(Emergency, User)>, StorageError> {
    let mut transaction = storage.read().await?;
    let mut owed = vec![];
    for emergency in transaction.emergencies().owed(500).await? {
        let user = transaction.users().find(emergency.user).await?;
        let user = user.ok_or(StorageError::Corrupt { what: "emergencies.user_id" })?;
        owed.push((emergency, user));
    }
    Ok(owed)
}
