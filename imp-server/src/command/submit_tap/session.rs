//! What an accepted tap does to sessions: pure, then stored.
use imp_authenticator::VerifiedTap;
use imp_identity::policy::SessionLimits;
use imp_identity::session::{End, Session, SessionError, State};
use imp_identity::tap::Purpose;
use imp_identity::{Actor, Event, Refusal, SessionId};
use imp_storage::{StorageError, Transaction};
use jiff::Timestamp;
use rand::CryptoRng;

use crate::command::Context;
use crate::store::Tables as _;

/// The sessions to store and the events to append.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// Sessions to update, in order.
    updated: Vec<(Session, Event)>,
    /// A session to add after that.
    opened: Option<(Session, Event)>,
    /// The session of the tap when it stays as it is.
    kept: Option<Session>,
}

impl Change {
    fn update(mut self, changed: (Session, Event)) -> Self {
        self.updated.push(changed);
        self
    }

    /// Stores it; answers the session of the tap.
    pub(super) async fn store(
        self,
        context: &mut Context<'_>,
        transaction: &mut Transaction,
        actor: &Actor,
    ) -> Result<Session, StorageError> {
        let mut latest = None;
        for (session, event) in self.updated {
            transaction.sessions().update(&session).await?;
            context.append(transaction, actor, event).await?;
            latest = Some(session);
        }
        if let Some((session, event)) = self.opened {
            transaction.sessions().add(&session).await?;
            context.append(transaction, actor, event).await?;
            latest = Some(session);
        }
        // `change` never answers a change without a session.
        self.kept.or(latest).ok_or(StorageError::Corrupt { what: "session of a tap" })
    }
}

/// Decides what a tap does. `touched` are the user's open session and whatever is active at the workstation: a desktop
/// shows one person, so a tap that unlocks it for her suspends the others there.
pub(super) fn change(
    tap: &VerifiedTap,
    touched: Vec<Session>,
    limits: &SessionLimits,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Change, Refusal> {
    let (mut own, others): (Vec<_>, Vec<_>) =
        touched.into_iter().partition(|session| session.user == tap.user());
    let own = own.pop();
    let change = match tap.purpose() {
        Purpose::TapIn | Purpose::Unlock => switch(others, limits, now),
        Purpose::StepUp | Purpose::TapOut => Change::default(),
    };
    match tap.purpose() {
        Purpose::TapIn => Ok(open(change, tap, own, limits, now, rng)),
        Purpose::Unlock => resume(change, tap, own, limits, now),
        Purpose::StepUp => {
            let here = |session: &Session| {
                session.is_active(now) && session.workstation == tap.workstation()
            };
            let kept = own.filter(here).ok_or(Refusal::NoSession)?;
            Ok(Change { kept: Some(kept), ..change })
        }
        Purpose::TapOut => {
            let open = own.filter(|session| session.is_active(now) || session.is_resumable(now));
            let ended = open.ok_or(Refusal::NoSession)?.end(End::TapOut, now);
            Ok(change.update(ended.map_err(no_session)?))
        }
    }
}

const fn no_session(_: SessionError) -> Refusal {
    Refusal::NoSession
}

/// Suspends, or ends when they are past their limits, the sessions of others at the desktop.
fn switch(others: Vec<Session>, limits: &SessionLimits, now: Timestamp) -> Change {
    others.into_iter().fold(Change::default(), |change, session| {
        let suspended = session.clone().suspend(limits, now);
        match suspended.or_else(|_| session.end(End::Expired, now)) {
            Ok(changed) => change.update(changed),
            Err(SessionError::Ended | SessionError::NotActive | SessionError::NotSuspended) => {
                change
            }
        }
    })
}

/// Opens a session; the one she had is over.
fn open(
    mut change: Change,
    tap: &VerifiedTap,
    own: Option<Session>,
    limits: &SessionLimits,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Change {
    if let Some(earlier) = own {
        let counts = earlier.is_active(now) || earlier.is_resumable(now);
        let reason = if counts { End::Superseded } else { End::Expired };
        if let Ok(ended) = earlier.end(reason, now) {
            change = change.update(ended);
        }
    }
    let id = SessionId::generate(now, rng);
    change.opened = Some(Session::open(id, tap.user(), tap.workstation(), limits, now));
    change
}

/// Continues her session here. It is suspended; or active here, because the workstation could not tell that it had locked;
/// or active elsewhere, and then it is suspended there and moves.
fn resume(
    change: Change,
    tap: &VerifiedTap,
    own: Option<Session>,
    limits: &SessionLimits,
    now: Timestamp,
) -> Result<Change, Refusal> {
    let session = own.ok_or(Refusal::NoSession)?;
    let here = tap.workstation();
    match session.state {
        State::Active if session.is_active(now) && session.workstation == here => {
            Ok(Change { kept: Some(session), ..change })
        }
        State::Active => {
            let suspended = session.suspend(limits, now).map_err(no_session)?;
            let resumed = suspended.0.clone().resume(here, now).map_err(no_session)?;
            Ok(change.update(suspended).update(resumed))
        }
        State::Suspended { .. } => {
            Ok(change.update(session.resume(here, now).map_err(no_session)?))
        }
        State::Ended { .. } => Err(Refusal::NoSession),
    }
}
