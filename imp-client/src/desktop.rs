//! Who is signed in at this workstation, and whether the desktop is open to her.
use imp_api::tap::Session;
use imp_identity::SessionId;
use imp_identity::tap::Purpose;
use jiff::Timestamp;

/// The desktop of a shared workstation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Desktop {
    /// The server was not asked yet: closed until it answers.
    #[default]
    Unknown,
    /// Nobody is signed in.
    Free,
    /// She is at work.
    Open(Session),
    /// She is away; a tap lets her in again.
    Locked(Session),
}

impl Desktop {
    /// After a restart: whose session the server says it is. Locked also where it is active, since nobody knows who stands there now.
    pub fn restore(sessions: &[Session], now: Timestamp) -> Self {
        let counting = || sessions.iter().filter(|s| now < s.expires_at && s.state != "ended");
        let active = counting().find(|s| s.state == "active");
        active.or_else(|| counting().next()).map_or(Self::Free, |s| Self::Locked(s.clone()))
    }

    /// After an accepted tap; also returns the session of somebody else that was open and now has to be suspended. It opens only for an
    /// active session.
    #[must_use]
    pub fn accept(self, purpose: Purpose, session: Session) -> (Self, Option<Session>) {
        if purpose == Purpose::TapOut || session.state == "ended" {
            let hers = self.session().is_some_and(|s| s.user == session.user);
            return (if hers || self == Self::Unknown { Self::Free } else { self }, None);
        }
        let displaced = match self {
            Self::Open(other) if other.user != session.user => Some(other),
            Self::Unknown | Self::Free | Self::Open(_) | Self::Locked(_) => None,
        };
        let opens = session.state == "active";
        (if opens { Self::Open(session) } else { Self::Locked(session) }, displaced)
    }

    /// Closes the desktop; also returns the session to be suspended, if one was open.
    #[must_use]
    pub fn lock(self) -> (Self, Option<SessionId>) {
        match self {
            Self::Open(session) => {
                let id = session.id;
                (Self::Locked(session), Some(id))
            }
            Self::Unknown | Self::Free | Self::Locked(_) => (self, None),
        }
    }

    /// Signs out whose session is over at `now`.
    #[must_use]
    pub fn expire(self, now: Timestamp) -> Self {
        match self {
            Self::Open(session) | Self::Locked(session) if session.expires_at <= now => Self::Free,
            Self::Unknown | Self::Free | Self::Open(_) | Self::Locked(_) => self,
        }
    }

    /// Follows what the server says of the session at hand: it may have been ended, suspended, or resumed elsewhere. Nothing the server says
    /// opens a desktop that is closed: only a tap does.
    #[must_use]
    pub fn follow(self, sessions: &[Session], now: Timestamp) -> Self {
        let hers = |mine: &Session| {
            sessions.iter().find(|s| s.id == mine.id && s.state != "ended" && now < s.expires_at)
        };
        match self {
            Self::Unknown => Self::restore(sessions, now),
            Self::Free => Self::Free,
            Self::Open(mine) => match hers(&mine) {
                Some(session) if session.state == "active" => Self::Open(session.clone()),
                Some(session) => Self::Locked(session.clone()),
                None => Self::Free,
            },
            Self::Locked(mine) => hers(&mine).map_or(Self::Free, |s| Self::Locked(s.clone())),
        }
    }

    /// The session that was opened here without the server has become `standing`, or does not stand. Nothing that is closed opens.
    #[must_use]
    pub fn adopt(self, here: SessionId, standing: Option<&Session>) -> Self {
        match (self, standing) {
            (Self::Open(mine), Some(session)) if mine.id == here && session.state == "active" => {
                Self::Open(session.clone())
            }
            (Self::Open(mine) | Self::Locked(mine), Some(session))
                if mine.id == here && session.state != "ended" =>
            {
                Self::Locked(session.clone())
            }
            (Self::Open(mine) | Self::Locked(mine), _) if mine.id == here => Self::Free,
            (other, _) => other,
        }
    }

    /// What a press without further words means for `user`.
    pub fn purpose_for(&self, user: imp_identity::UserId) -> Purpose {
        match self {
            Self::Locked(session) if session.user == user => Purpose::Unlock,
            Self::Unknown | Self::Free | Self::Open(_) | Self::Locked(_) => Purpose::TapIn,
        }
    }

    /// The session at hand.
    pub const fn session(&self) -> Option<&Session> {
        match self {
            Self::Open(session) | Self::Locked(session) => Some(session),
            Self::Unknown | Self::Free => None,
        }
    }

    /// Whether nobody can work.
    pub const fn is_locked(&self) -> bool {
        !matches!(self, Self::Open(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_identity::UserId;
    use jiff::ToSpan as _;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn session(id: u128, user: u128, state: &str) -> Session {
        Session {
            id: SessionId::from(Uuid::from_u128(id)),
            user: UserId::from(Uuid::from_u128(user)),
            username: format!("user{user}"),
            display_name: format!("User {user}"),
            expires_at: NOW + 1.hour(),
            state: state.to_owned(),
        }
    }

    #[test]
    fn after_a_restart_the_desktop_is_locked_for_whom_the_server_names() {
        let (hers, his) = (session(1, 1, "active"), session(2, 2, "suspended"));
        let both = [his.clone(), hers.clone()];
        assert_eq!(Desktop::restore(&both, NOW), Desktop::Locked(hers.clone()));
        assert_eq!(Desktop::restore(&both[..1], NOW), Desktop::Locked(his));
        assert_eq!(Desktop::restore(&[session(1, 1, "ended")], NOW), Desktop::Free);
        assert_eq!(Desktop::restore(&both, NOW + 1.hour()), Desktop::Free);
        // The server is asked again and again: only a tap opens.
        let restored = Desktop::Unknown.follow(&both, NOW).follow(&both, NOW);
        assert_eq!(restored, Desktop::Locked(hers.clone()));
        assert_eq!(restored.purpose_for(hers.user), Purpose::Unlock);
        assert_eq!(restored.accept(Purpose::Unlock, hers.clone()).0, Desktop::Open(hers));
    }

    #[test]
    fn an_answer_about_a_session_that_is_not_active_opens_nothing() {
        let (hers, late) = (session(1, 1, "active"), session(1, 1, "suspended"));
        for before in [Desktop::Free, Desktop::Locked(hers.clone()), Desktop::Open(hers)] {
            assert_eq!(
                before.accept(Purpose::Unlock, late.clone()).0,
                Desktop::Locked(late.clone())
            );
        }
    }

    #[test]
    fn another_persons_tap_switches_the_desktop() {
        let (hers, his) = (session(1, 1, "active"), session(2, 2, "active"));
        let (desktop, displaced) = Desktop::Free.accept(Purpose::TapIn, hers.clone());
        assert_eq!((&desktop, displaced), (&Desktop::Open(hers.clone()), None));
        let (desktop, displaced) = desktop.accept(Purpose::TapIn, his.clone());
        assert_eq!((desktop, displaced), (Desktop::Open(his), Some(hers)));
    }

    #[test]
    fn only_a_tap_opens_a_locked_desktop() {
        let hers = session(1, 1, "active");
        let (desktop, suspended) = Desktop::Open(hers.clone()).lock();
        assert_eq!(suspended, Some(hers.id));
        assert_eq!(desktop.purpose_for(hers.user), Purpose::Unlock);
        let followed = desktop.clone().follow(std::slice::from_ref(&hers), NOW);
        assert!(followed.is_locked());
        assert_eq!(desktop.clone().follow(&[], NOW), Desktop::Free);
        assert!(!desktop.accept(Purpose::Unlock, hers).0.is_locked());
    }

    #[test]
    fn a_session_ends_when_it_expires_or_the_server_says_so() {
        let hers = session(1, 1, "active");
        let open = Desktop::Open(hers.clone());
        assert_eq!(open.clone().expire(NOW + 1.hour()), Desktop::Free);
        assert_eq!(open.clone().expire(NOW), open);
        assert_eq!(open.clone().follow(&[session(1, 1, "ended")], NOW), Desktop::Free);
        assert!(open.clone().follow(&[session(1, 1, "suspended")], NOW).is_locked());
        assert_eq!(open.accept(Purpose::TapOut, session(1, 1, "ended")).0, Desktop::Free);
    }

    #[test]
    fn what_was_opened_without_the_server_becomes_its_session_or_is_closed() {
        let (here, theirs) = (session(1, 1, "active"), session(7, 1, "active"));
        let open = Desktop::Open(here.clone());
        assert_eq!(open.clone().adopt(here.id, Some(&theirs)), Desktop::Open(theirs.clone()));
        assert_eq!(open.clone().adopt(here.id, None), Desktop::Free);
        let locked = Desktop::Locked(here.clone());
        assert_eq!(locked.adopt(here.id, Some(&theirs)), Desktop::Locked(theirs.clone()));
        let late = session(7, 1, "suspended");
        assert_eq!(open.clone().adopt(here.id, Some(&late)), Desktop::Locked(late));
        let over = session(7, 1, "ended");
        assert_eq!(open.clone().adopt(here.id, Some(&over)), Desktop::Free);
        assert_eq!(open.clone().adopt(theirs.id, None), open, "another's");
    }

    #[test]
    fn tapping_out_somebody_elses_session_leaves_the_desktop_alone() {
        let hers = Desktop::Open(session(1, 1, "active"));
        assert_eq!(hers.clone().accept(Purpose::TapOut, session(2, 2, "ended")).0, hers);
    }
}
