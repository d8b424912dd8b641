//! Sessions and the ways they change (SP 800-63B-4 §5).
use jiff::Timestamp;

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
}

impl Session {
    /// Opens a session for a user whose tap was accepted (CAEP `session-established`).
    pub fn open(
        id: SessionId,
        user: UserId,
        workstation: WorkstationId,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> (Self, Event) {
        let expires_at = now + limits.overall;
        let event = Event::SessionEstablished { session: id, user, workstation, expires_at };
        (Self { id, user, workstation, opened_at: now, expires_at, state: State::Active }, event)
    }

    /// Whether she is signed in at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.state == State::Active && now < self.expires_at
    }

    /// Whether a tap can still resume it at `now`.
    pub fn is_resumable(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Suspended { until, .. } if now < until && now < self.expires_at)
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

    /// Continues it, at `workstation`.
    pub fn resume(
        mut self,
        workstation: WorkstationId,
        now: Timestamp,
    ) -> Result<(Self, Event), SessionError> {
        match self.state {
            State::Suspended { until, .. } if now < until && now < self.expires_at => {
                self.state = State::Active;
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
    };

    #[test]
    fn a_suspended_session_resumes_within_its_limits() {
        let here = WorkstationId::from(Uuid::from_u128(1));
        let there = WorkstationId::from(Uuid::from_u128(9));
        let (session, _) = open(here);
        let (session, _) = session.suspend(&LIMITS, NOW).unwrap();
        assert!(session.is_resumable(NOW) && !session.is_active(NOW));
        assert_eq!(session.clone().resume(there, NOW + 1.hour()), Err(SessionError::Ended));
        let (session, event) = session.resume(there, NOW + 59.minutes()).unwrap();
        assert!(session.is_active(NOW + 59.minutes()));
        assert_eq!(
            event,
            Event::SessionResumed { session: session.id, user: session.user, workstation: there }
        );
        assert!(!session.is_active(NOW + 8.hours()));
        assert_eq!(session.suspend(&LIMITS, NOW + 8.hours()), Err(SessionError::Ended));
    }

    #[test]
    fn a_session_ends_once() {
        let (session, _) = open(WorkstationId::from(Uuid::from_u128(1)));
        let (session, _) = session.end(End::TapOut, NOW).unwrap();
        assert_eq!(session.end(End::TapOut, NOW), Err(SessionError::Ended));
    }

    fn open(at: WorkstationId) -> (Session, Event) {
        Session::open(
            SessionId::from(Uuid::from_u128(2)),
            UserId::from(Uuid::from_u128(3)),
            at,
            &LIMITS,
            NOW,
        )
    }
}
