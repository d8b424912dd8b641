//! What somebody's arrival at a workstation does to sessions: pure, then stored. Every session that is opened, suspended,
//! resumed or ended goes through here, and so do the browsers that it signed on.
use imp_identity::authentication::Method;
use imp_identity::grant::GrantEnd;
use imp_identity::policy::{OnSuspend, SessionLimits};
use imp_identity::session::{End, Proof, Session, SessionError, State};
use imp_identity::sign_on::SignOnEnd;
use imp_identity::tap::Purpose;
use imp_identity::{Actor, Event, Refusal, SessionId, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction};
use jiff::Timestamp;
use rand::CryptoRng;

use super::sign_on::end_sign_ons_of_session;
use super::{Context, end_grants_of_session};
use crate::store::Tables as _;

/// Somebody was authenticated at a workstation.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    /// Who.
    pub(super) user: UserId,
    /// Where.
    pub(super) workstation: WorkstationId,
    /// What for.
    pub(super) purpose: Purpose,
    /// How.
    pub(super) proof: Proof,
}

/// The sessions to store and the events to append.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// Sessions to update, in order.
    updated: Vec<(Session, Event)>,
    /// A session to add after that.
    opened: Option<(Session, Event)>,
    /// The session of the arrival when its state stays as it is.
    kept: Option<Session>,
}

impl Change {
    fn update(mut self, changed: (Session, Event)) -> Self {
        self.updated.push(changed);
        self
    }

    /// Stores it; answers the session of the arrival.
    pub(super) async fn store(
        self,
        context: &mut Context<'_>,
        transaction: &mut Transaction,
        actor: &Actor,
        on_suspend: OnSuspend,
    ) -> Result<Session, StorageError> {
        let mut latest = None;
        for (session, event) in self.updated {
            let changed = (&session, event);
            store_session(context, transaction, actor, changed, on_suspend).await?;
            latest = Some(session);
        }
        if let Some((session, event)) = self.opened {
            transaction.sessions().add(&session).await?;
            context.append(transaction, actor, event).await?;
            latest = Some(session);
        }
        if let Some(session) = self.kept {
            transaction.sessions().update(&session).await?;
            latest = Some(session);
        }
        // `change` never answers a change without a session.
        let latest = latest.ok_or(StorageError::Corrupt { what: "session of an arrival" })?;
        if latest.state == State::Active {
            leave_nothing_open(context, transaction, actor, &latest).await?;
        }
        Ok(latest)
    }
}

/// The desktop is open to somebody: browsers of whoever was there before are not hers, also where the policy keeps them
/// behind a locked desktop.
async fn leave_nothing_open(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    hers: &Session,
) -> Result<(), StorageError> {
    for found in transaction.sessions().open_at(hers.workstation).await? {
        if found.session.user != hers.user {
            let (other, reason) = (found.session.id, SignOnEnd::SessionSuspended);
            end_sign_ons_of_session(context, transaction, actor, other, reason).await?;
        }
    }
    Ok(())
}

/// Stores a session that was changed, with its event; what it handed over to browsers goes with it.
pub(super) async fn store_session(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    (session, event): (&Session, Event),
    on_suspend: OnSuspend,
) -> Result<(), StorageError> {
    let before = transaction.sessions().find(session.id).await?;
    let moved = before.is_some_and(|before| before.session.workstation != session.workstation);
    transaction.sessions().update(session).await?;
    context.append(transaction, actor, event).await?;
    let reason = match session.state {
        State::Active if moved => SignOnEnd::SessionSuspended,
        State::Active => return Ok(()),
        State::Suspended { .. } => SignOnEnd::SessionSuspended,
        State::Ended { .. } => SignOnEnd::SessionEnded,
    };
    transaction.handovers().remove_of_session(session.id).await?;
    if matches!(session.state, State::Suspended { .. }) && on_suspend == OnSuspend::Keep {
        return Ok(());
    }
    end_sign_ons_of_session(context, transaction, actor, session.id, reason).await?;
    if reason == SignOnEnd::SessionEnded || moved {
        // What the desktop exchanged for native applications; while it is suspended it does not count anyway.
        let ended = GrantEnd::SignedOut;
        end_grants_of_session(context, transaction, actor, session.id, ended).await?;
    }
    Ok(())
}

/// Ends the sessions of a user that have not ended, and signs out the browsers that they signed on.
pub(crate) async fn end_sessions_of_user(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    user: UserId,
    reason: End,
) -> Result<Vec<Session>, StorageError> {
    let mut ended = vec![];
    for session in transaction.sessions().open_of_user(user).await? {
        ended.extend(end_session_for(context, transaction, actor, session, reason).await?);
    }
    Ok(ended)
}

/// Ends a session, unless it has ended.
pub(super) async fn end_session_for(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    actor: &Actor,
    session: Session,
    reason: End,
) -> Result<Option<Session>, StorageError> {
    let Ok((session, event)) = session.end(reason, context.now) else { return Ok(None) };
    store_session(context, transaction, actor, (&session, event), OnSuspend::End).await?;
    Ok(Some(session))
}

/// Decides what an arrival does. `touched` are the user's open sessions and whatever is active at the workstation: a
/// desktop shows one person, so an arrival that unlocks it for her suspends the others there.
pub(super) fn change(
    arrival: Arrival,
    touched: Vec<Session>,
    limits: &SessionLimits,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Change, Refusal> {
    let (own, others): (Vec<_>, Vec<_>) =
        touched.into_iter().partition(|session| session.user == arrival.user);
    let full = matches!(arrival.proof, Proof::Authentication(_));
    let alone = others.iter().all(|other| !other.is_active(now));
    let goes_on = arrival.purpose == Purpose::Unlock && alone;
    if !full && !goes_on {
        // One factor goes on where she was; it opens nothing, confirms nothing, and puts nobody out.
        return Err(Refusal::OneFactorInsufficient);
    }
    match arrival.purpose {
        Purpose::TapIn if follows(&arrival, &own, limits, now) => {
            resume(switch(others, limits, now), arrival, own, limits, now)
        }
        Purpose::TapIn => open(switch(others, limits, now), arrival, own, (limits, now, rng)),
        Purpose::Unlock => resume(switch(others, limits, now), arrival, own, limits, now),
        Purpose::StepUp => step_up(arrival, own, now),
        Purpose::TapOut => {
            let open = nearest(own, arrival.workstation, now).ok_or(Refusal::NoSession)?;
            Ok(Change::default().update(open.end(End::TapOut, now).map_err(no_session)?))
        }
    }
}

const fn no_session(error: SessionError) -> Refusal {
    match error {
        SessionError::Insufficient => Refusal::OneFactorInsufficient,
        SessionError::Ended
        | SessionError::NotActive
        | SessionError::NotSuspended
        | SessionError::Elsewhere => Refusal::NoSession,
    }
}

/// Whether it is active or can be resumed.
fn counts(session: &Session, now: Timestamp) -> bool {
    session.is_active(now) || session.is_resumable(now)
}

/// The one of her sessions that is meant at a workstation: the one there, else a suspended one, else any; the newest of
/// several.
fn nearest(mut own: Vec<Session>, here: WorkstationId, now: Timestamp) -> Option<Session> {
    own.retain(|session| counts(session, now));
    own.sort_by_key(|session| {
        (session.workstation == here, session.is_resumable(now), session.opened_at)
    });
    own.pop()
}

/// Whether whoever taps in goes on with the session that she has: what she left behind at this desktop when somebody else took it, or within the
/// grace at another; and where she may have one only, also one that she has not left yet. Whoever only typed a name goes on with
/// nothing, and nobody with an emergency.
fn follows(arrival: &Arrival, own: &[Session], limits: &SessionLimits, now: Timestamp) -> bool {
    let Proof::Authentication(authentication) = &arrival.proof else { return false };
    if authentication.methods.contains(&Method::BreakGlass) {
        return false;
    }
    let here = arrival.workstation;
    let Some(session) = nearest(own.to_vec(), here, now) else { return false };
    if session.authentication.methods.contains(&Method::BreakGlass) {
        return false;
    }
    let moves = session.is_active(now) && session.workstation != here && limits.several == 1;
    moves || session.is_resumable(now) && session.follows_to(here, limits, now)
}

/// Suspends, or ends when they are past their limits, the sessions of others at the desktop.
fn switch(others: Vec<Session>, limits: &SessionLimits, now: Timestamp) -> Change {
    others.into_iter().fold(Change::default(), |change, session| {
        let suspended = session.clone().suspend(limits, now);
        match suspended.or_else(|_| session.end(End::Expired, now)) {
            Ok(changed) => change.update(changed),
            // Over already: nothing to do.
            Err(_) => change,
        }
    })
}

/// Opens a session. The one that she had here is over, and of those elsewhere the oldest that are too many.
fn open(
    mut change: Change,
    arrival: Arrival,
    own: Vec<Session>,
    (limits, now, rng): (&SessionLimits, Timestamp, &mut impl CryptoRng),
) -> Result<Change, Refusal> {
    let Proof::Authentication(authentication) = arrival.proof else {
        return Err(Refusal::NoSession);
    };
    let elsewhere =
        |session: &Session| counts(session, now) && session.workstation != arrival.workstation;
    let staying = own.iter().filter(|session| elsewhere(session)).count();
    let mut surplus = (staying + 1).saturating_sub(usize::from(limits.several));
    if authentication.methods.contains(&Method::BreakGlass) {
        // Whoever only typed a name ends nobody's work elsewhere.
        surplus = 0;
    }
    for earlier in own {
        let reason = if counts(&earlier, now) { End::Superseded } else { End::Expired };
        if elsewhere(&earlier) {
            if surplus == 0 {
                continue;
            }
            surplus -= 1;
        }
        if let Ok(ended) = earlier.end(reason, now) {
            change = change.update(ended);
        }
    }
    let (id, here) = (SessionId::generate(now, rng), arrival.workstation);
    change.opened = Some(Session::open(id, arrival.user, here, authentication, limits, now));
    Ok(change)
}

/// Continues her session here. It is suspended; or active here, because the workstation could not tell that it had locked;
/// or active elsewhere, and then it is suspended there and moves.
fn resume(
    change: Change,
    arrival: Arrival,
    own: Vec<Session>,
    limits: &SessionLimits,
    now: Timestamp,
) -> Result<Change, Refusal> {
    let Arrival { workstation: here, proof, .. } = arrival;
    let session = nearest(own, here, now).ok_or(Refusal::NoSession)?;
    match (session.state, proof) {
        (State::Active, Proof::Authentication(authentication)) if session.workstation == here => {
            let kept = session.reauthenticate(authentication, now).map_err(no_session)?;
            Ok(Change { kept: Some(kept), ..change })
        }
        // The workstation must have said that it locked, before one factor counts.
        (State::Active, Proof::OneFactor(..)) | (State::Ended { .. }, _) => Err(Refusal::NoSession),
        (State::Active, proof @ Proof::Authentication(_)) => {
            let suspended = session.suspend(limits, now).map_err(no_session)?;
            let resumed = suspended.0.clone().resume(here, proof, limits, now);
            Ok(change.update(suspended).update(resumed.map_err(no_session)?))
        }
        (State::Suspended { .. }, proof) => {
            Ok(change.update(session.resume(here, proof, limits, now).map_err(no_session)?))
        }
    }
}

/// She confirms that it is she who is at work here.
fn step_up(arrival: Arrival, own: Vec<Session>, now: Timestamp) -> Result<Change, Refusal> {
    let here = |session: &Session| session.workstation == arrival.workstation;
    let session = own.into_iter().find(|session| here(session) && session.is_active(now));
    let Proof::Authentication(authentication) = arrival.proof else {
        return Err(Refusal::NoSession);
    };
    let kept = session.ok_or(Refusal::NoSession)?.reauthenticate(authentication, now);
    Ok(Change { kept: Some(kept.map_err(no_session)?), ..Change::default() })
}
