//! Sessions and the ways they change (SP 800-63B-4 §5).
use jiff::Timestamp;

use crate::authentication::{Aal, Authentication, Method};
use crate::event::Event;
use crate::id::{SessionId, UserId, WorkstationId};
use crate::policy::SessionLimits;

/// One authenticated stay of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names this session.
    pub id: SessionId,
    /// Who is signed in.
    pub user: UserId,
    /// Where she is, or was last.
    pub workstation: WorkstationId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// How she was authenticated last. One factor that let her in again is no authentication: `at` stays that of the last
    /// full one, and the rest says what was shown since.
    pub authentication: Authentication,
    /// When she last gave a sign of life.
    pub active_at: Timestamp,
    /// The overall limit: first instant at which it no longer counts, whatever happens.
    pub expires_at: Timestamp,
    /// Whether it counts.
    pub state: State,
}

/// Whether a session counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// She is at work.
    Active,
    /// Locked; a tap resumes it until `until`.
    Suspended {
        /// When.
        at: Timestamp,
        /// First instant at which it can no longer be resumed.
        until: Timestamp,
    },
    /// Over.
    Ended {
        /// When.
        at: Timestamp,
        /// Why.
        reason: End,
    },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// She tapped out.
    TapOut,
    /// She opened another one; one person has one session.
    Superseded,
    /// An administrator ended it.
    Administrator,
    /// The user was disabled.
    UserDisabled,
    /// A limit was reached.
    Expired,
}

crate::name::codes! { End:
    TapOut = "tap-out",
    Superseded = "superseded",
    Administrator = "administrator",
    UserDisabled = "user-disabled",
    Expired = "expired",
}

/// The session is not in a state that allows this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// It is over.
    #[error("the session has ended")]
    Ended,
    /// It is not active.
    #[error("the session is not active")]
    NotActive,
    /// It is not suspended.
    #[error("the session is not suspended")]
    NotSuspended,
    /// It can be resumed where it was suspended only.
    #[error("the session no longer follows to another workstation")]
    Elsewhere,
    /// She has to be authenticated by two factors.
    #[error("one factor does not suffice")]
    Insufficient,
}

/// What lets her in again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// She was authenticated anew.
    Authentication(Authentication),
    /// One factor, for a session that has not reached its overall limit (SP 800-63B-4 §5.2).
    OneFactor(OneFactor, Vec<Method>),
}

/// The one thing that lets her in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OneFactor {
    /// Her phone is near, and somebody pressed.
    Phone,
    /// Her security key was touched; it did not verify by whom.
    SecurityKey,
}

crate::name::codes! { OneFactor: Phone = "phone", SecurityKey = "security-key" }

impl Session {
    /// Opens a session for a user who was authenticated (CAEP `session-established`).
    pub fn open(
        id: SessionId,
        user: UserId,
        workstation: WorkstationId,
        authentication: Authentication,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> (Self, Event) {
        let expires_at = now + limits.overall;
        let event = Event::SessionEstablished { session: id, user, workstation, expires_at };
        let session = Self {
            id,
            user,
            workstation,
            opened_at: now,
            authentication,
            active_at: now,
            expires_at,
            state: State::Active,
        };
        (session, event)
    }

    /// Whether she is signed in at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.state == State::Active && now < self.expires_at
    }

    /// Whether a tap can still resume it at `now`.
    pub fn is_resumable(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Suspended { until, .. } if now < until && now < self.expires_at)
    }

    /// Whether nobody has given a sign of life for too long.
    pub fn is_idle(&self, limits: &SessionLimits, now: Timestamp) -> bool {
        let idle = limits.idle.is_some_and(|idle| now.duration_since(self.active_at) >= idle);
        self.is_active(now) && idle
    }

    /// Until when some single factor suffices to resume it where it is; the policy says by which. Never after an emergency,
    /// and never at AAL3, which knows full authentications only (SP 800-63B-4 §2.3.3).
    pub fn one_factor_until(&self, limits: &SessionLimits) -> Option<Timestamp> {
        let State::Suspended { at, until } = self.state else { return None };
        let emergency = self.authentication.methods.contains(&Method::BreakGlass);
        let full_only = emergency || self.authentication.aal == Aal::Aal3;
        let within = limits.reauthentication.filter(|_| !full_only)?;
        Some((at + within).min(until).min(self.expires_at))
    }

    /// Whether `factor` alone suffices to resume it at `workstation`.
    pub fn takes_one_factor(
        &self,
        factor: OneFactor,
        workstation: WorkstationId,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> bool {
        let named = limits.one_factor.is_none_or(|only| only == factor);
        let soon = self.one_factor_until(limits).is_some_and(|until| now < until);
        named && soon && self.workstation == workstation && self.is_resumable(now)
    }

    /// She was authenticated again while she is at work: a step-up. The event is that of the authentication.
    pub fn reauthenticate(
        mut self,
        authentication: Authentication,
        now: Timestamp,
    ) -> Result<Self, SessionError> {
        if !self.is_active(now) {
            return Err(SessionError::NotActive);
        }
        (self.authentication, self.active_at) = (authentication, now);
        Ok(self)
    }

    /// Locks it; a tap within the limits resumes it.
    pub fn suspend(
        mut self,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> Result<(Self, Event), SessionError> {
        match self.state {
            State::Active if now < self.expires_at => {
                self.state = State::Suspended { at: now, until: now + limits.suspended };
                let event = Event::SessionSuspended {
                    session: self.id,
                    user: self.user,
                    workstation: self.workstation,
                };
                Ok((self, event))
            }
            State::Active | State::Ended { .. } => Err(SessionError::Ended),
            State::Suspended { .. } => Err(SessionError::NotActive),
        }
    }

    /// Whether it may be continued at `workstation`, if it can be at all: where it was, and within the grace elsewhere.
    pub fn follows_to(
        &self,
        workstation: WorkstationId,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> bool {
        let State::Suspended { at, .. } = self.state else { return false };
        let grace = limits.grace.unwrap_or(limits.suspended);
        workstation == self.workstation || now.duration_since(at) < grace
    }

    /// Continues it, at `workstation`.
    pub fn resume(
        mut self,
        workstation: WorkstationId,
        proof: Proof,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> Result<(Self, Event), SessionError> {
        match self.state {
            State::Suspended { .. } if self.is_resumable(now) => {
                if !self.follows_to(workstation, limits, now) {
                    return Err(SessionError::Elsewhere);
                }
                match proof {
                    Proof::Authentication(authentication) => self.authentication = authentication,
                    Proof::OneFactor(factor, methods)
                        if self.takes_one_factor(factor, workstation, limits, now) =>
                    {
                        self.authentication = self.authentication.renewed_by_one_factor(methods);
                    }
                    Proof::OneFactor(..) => return Err(SessionError::Insufficient),
                }
                (self.state, self.active_at) = (State::Active, now);
                self.workstation = workstation;
                let event =
                    Event::SessionResumed { session: self.id, user: self.user, workstation };
                Ok((self, event))
            }
            State::Suspended { .. } | State::Ended { .. } => Err(SessionError::Ended),
            State::Active => Err(SessionError::NotSuspended),
        }
    }

    /// Ends it (CAEP `session-revoked`).
    pub fn end(mut self, reason: End, now: Timestamp) -> Result<(Self, Event), SessionError> {
        match self.state {
            State::Active | State::Suspended { .. } => {
                self.state = State::Ended { at: now, reason };
                let event = Event::SessionRevoked {
                    session: self.id,
                    user: self.user,
                    workstation: self.workstation,
                    reason,
                };
                Ok((self, event))
            }
            State::Ended { .. } => Err(SessionError::Ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{SignedDuration, ToSpan as _};
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const LIMITS: SessionLimits = SessionLimits {
        overall: SignedDuration::from_hours(8),
        suspended: SignedDuration::from_hours(1),
        ..SessionLimits::DEFAULT
    };

    fn place(n: u128) -> WorkstationId {
        WorkstationId::from(Uuid::from_u128(n))
    }

    fn tap(at: Timestamp) -> Proof {
        Proof::Authentication(Authentication::tap(at))
    }

    #[test]
    fn a_suspended_session_resumes_within_its_limits() {
        let (here, there) = (place(1), place(9));
        let (session, _) = open(here);
        let (session, _) = session.suspend(&LIMITS, NOW).unwrap();
        assert!(session.is_resumable(NOW) && !session.is_active(NOW));
        let late = NOW + 1.hour();
        let resumed = session.clone().resume(there, tap(late), &LIMITS, late);
        assert_eq!(resumed, Err(SessionError::Ended));
        let soon = NOW + 59.minutes();
        let (session, event) = session.resume(there, tap(soon), &LIMITS, soon).unwrap();
        assert!(session.is_active(soon));
        assert_eq!(session.authentication, Authentication::tap(soon));
        assert_eq!(
            event,
            Event::SessionResumed { session: session.id, user: session.user, workstation: there }
        );
        assert!(!session.is_active(NOW + 8.hours()));
        assert_eq!(session.suspend(&LIMITS, NOW + 8.hours()), Err(SessionError::Ended));
    }

    #[test]
    fn a_session_follows_to_another_workstation_within_its_grace_only() {
        let limits = SessionLimits { grace: Some(SignedDuration::from_mins(10)), ..LIMITS };
        let (session, _) = open(place(1)).0.suspend(&limits, NOW).unwrap();
        let (soon, late) = (NOW + 9.minutes(), NOW + 10.minutes());
        let there = session.clone().resume(place(9), tap(soon), &limits, soon).unwrap().0;
        assert_eq!(there.workstation, place(9));
        let refused = session.clone().resume(place(9), tap(late), &limits, late);
        assert_eq!(refused, Err(SessionError::Elsewhere));
        session.resume(place(1), tap(late), &limits, late).unwrap();
    }

    #[test]
    fn one_factor_suffices_soon_where_it_was_and_if_the_policy_says_so() {
        let limits =
            SessionLimits { reauthentication: Some(SignedDuration::from_mins(5)), ..LIMITS };
        let keys_only =
            SessionLimits { one_factor: Some(OneFactor::SecurityKey), ..limits.clone() };
        let (session, _) = open(place(1)).0.suspend(&limits, NOW).unwrap();
        let soon = NOW + 4.minutes();
        let resume = |limits, at, when| session.clone().resume(at, phone(), limits, when);
        let resumed = resume(&limits, place(1), soon).unwrap().0;
        assert_eq!(resumed.authentication.at, NOW, "it says when she was really authenticated");
        assert_eq!(resumed.active_at, soon);
        for refused in [
            resume(&LIMITS, place(1), soon),
            resume(&keys_only, place(1), soon),
            resume(&limits, place(9), soon),
            resume(&limits, place(1), NOW + 5.minutes()),
        ] {
            assert_eq!(refused, Err(SessionError::Insufficient));
        }
    }

    #[test]
    fn what_one_factor_let_in_again_is_one_factor_until_the_next_full_authentication() {
        let limits =
            SessionLimits { reauthentication: Some(SignedDuration::from_mins(5)), ..LIMITS };
        let mut session = open(place(1)).0;
        for minutes in [1, 2] {
            let (locked, open) = (NOW + minutes.minutes(), NOW + minutes.minutes() + 9.seconds());
            session = session.suspend(&limits, locked).unwrap().0;
            session = session.resume(place(1), phone(), &limits, open).unwrap().0;
            let Authentication { at, methods, aal, .. } = &session.authentication;
            assert_eq!((*at, *aal), (NOW, Aal::Aal1), "no face was seen since");
            assert_eq!(*methods, [Method::HardwareKey, Method::Presence]);
        }
        let session = session.reauthenticate(Authentication::tap(NOW), NOW).unwrap();
        assert_eq!(session.authentication, Authentication::tap(NOW));
    }

    #[test]
    fn neither_an_emergency_nor_aal3_is_resumed_by_one_factor() {
        let limits =
            SessionLimits { reauthentication: Some(SignedDuration::from_mins(5)), ..LIMITS };
        let key = vec![Method::HardwareKey, Method::Pin];
        for authentication in
            [Authentication::emergency(NOW), Authentication::new(NOW, key, Aal::Aal3)]
        {
            let session = Session { authentication, ..open(place(1)).0 };
            let (session, _) = session.suspend(&limits, NOW).unwrap();
            assert_eq!(session.one_factor_until(&limits), None);
            let refused = session.resume(place(1), phone(), &limits, NOW);
            assert_eq!(refused, Err(SessionError::Insufficient));
        }
    }

    fn phone() -> Proof {
        Proof::OneFactor(OneFactor::Phone, vec![Method::Presence, Method::HardwareKey])
    }

    #[test]
    fn without_a_sign_of_life_a_session_is_idle() {
        let limits = SessionLimits { idle: Some(SignedDuration::from_mins(30)), ..LIMITS };
        let (session, _) = open(place(1));
        let (soon, late) = (NOW + 29.minutes(), NOW + 30.minutes());
        assert!(!session.is_idle(&limits, soon) && session.is_idle(&limits, late));
        assert!(!session.is_idle(&LIMITS, late), "the policy sets no limit");
        let session = session.reauthenticate(Authentication::tap(late), late).unwrap();
        assert!(!session.is_idle(&limits, late));
        let (session, _) = session.suspend(&limits, late).unwrap();
        assert!(!session.is_idle(&limits, NOW + 2.hours()), "suspended already");
        let again = session.reauthenticate(Authentication::tap(late), late);
        assert_eq!(again, Err(SessionError::NotActive));
    }

    #[test]
    fn a_session_ends_once() {
        let (session, _) = open(place(1));
        let (session, _) = session.end(End::TapOut, NOW).unwrap();
        assert_eq!(session.end(End::TapOut, NOW), Err(SessionError::Ended));
    }

    fn open(at: WorkstationId) -> (Session, Event) {
        Session::open(
            SessionId::from(Uuid::from_u128(2)),
            UserId::from(Uuid::from_u128(3)),
            at,
            Authentication::tap(NOW),
            &LIMITS,
            NOW,
        )
    }
}
