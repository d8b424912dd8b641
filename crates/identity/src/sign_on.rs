//! Sign-ons: browsers in which a user is signed on to applications, and what applications require of them.
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::authentication::{Aal, Authentication, Method};
use crate::event::Event;
use crate::id::{CredentialId, SessionId, SignOnId, UserId, WorkstationId};
use crate::name::{Label, Username};

/// How old a use must be before the next one is written down.
pub const TOUCH_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Why a browser is no longer signed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignOnEnd {
    /// She signed out.
    SignedOut,
    /// The session of the desktop ended.
    SessionEnded,
    /// The session of the desktop was suspended.
    SessionSuspended,
    /// Somebody else signed on in the same browser.
    Superseded,
    /// A limit was reached.
    Expired,
    /// An administrator ended it.
    Administrator,
    /// The user was disabled.
    UserDisabled,
    /// The credential that opened it was removed.
    CredentialRemoved,
}

crate::name::codes! { SignOnEnd:
    SignedOut = "signed-out",
    SessionEnded = "session-ended",
    SessionSuspended = "session-suspended",
    Superseded = "superseded",
    Expired = "expired",
    Administrator = "administrator",
    UserDisabled = "user-disabled",
    CredentialRemoved = "credential-removed",
}

/// How long browsers stay signed on, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignOnPolicy {
    /// From the authentication to the end, whatever happens.
    pub overall: SignedDuration,
    /// Without any use, to the end.
    pub idle: SignedDuration,
    /// Whether an officer's one-time code lets somebody register a passkey.
    pub codes: bool,
    /// Whether a phone that scans a code signs a browser on.
    pub phones: bool,
}

impl Default for SignOnPolicy {
    /// 12 h, 1 h idle (AAL2: SP 800-63B-4 §2.2.3).
    fn default() -> Self {
        Self {
            overall: SignedDuration::from_hours(12),
            idle: SignedDuration::from_hours(1),
            codes: true,
            phones: true,
        }
    }
}

/// A browser in which a user is signed on to applications. Its identifier is the `sid` of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOn {
    /// Names this sign-on.
    pub id: SignOnId,
    /// Who is signed on.
    pub user: UserId,
    /// The desktop's session that it was handed over by; it ends with it.
    pub session: Option<SessionId>,
    /// Where that desktop is.
    pub workstation: Option<WorkstationId>,
    /// The credential that opened it, or renewed it.
    pub credential: Option<CredentialId>,
    /// How she was authenticated, the last time.
    pub authentication: Authentication,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was used last, to [`TOUCH_AFTER`].
    pub last_used_at: Timestamp,
    /// First instant at which it no longer counts, whatever happens.
    pub expires_at: Timestamp,
    /// When and why it ended.
    pub ended: Option<(Timestamp, SignOnEnd)>,
}

/// Who is signed on, by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Establishment {
    /// Who.
    pub user: UserId,
    /// The desktop that hands over, and the end of its session.
    pub desktop: Option<(SessionId, WorkstationId, Timestamp)>,
    /// The credential that was used.
    pub credential: Option<CredentialId>,
    /// How she was authenticated.
    pub authentication: Authentication,
}

/// The sign-on is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the browser is no longer signed on")]
pub struct SignOnEnded;

impl SignOn {
    /// Signs a browser on.
    pub fn establish(
        id: SignOnId,
        by: Establishment,
        policy: &SignOnPolicy,
        now: Timestamp,
    ) -> (Self, Event) {
        let expires_at = by.limit(policy, now);
        let (session, workstation) = by.place();
        let sign_on = Self {
            id,
            user: by.user,
            session,
            workstation,
            credential: by.credential,
            authentication: by.authentication,
            opened_at: now,
            last_used_at: now,
            expires_at,
            ended: None,
        };
        let event = sign_on.established();
        (sign_on, event)
    }

    /// Authenticates its user anew: applications keep their `sid`, and the limits begin again. What a desktop handed over
    /// stays the desktop's, whatever she proves herself by meanwhile: it ends with that session, and no later.
    pub fn renew(
        mut self,
        by: Establishment,
        policy: &SignOnPolicy,
        now: Timestamp,
    ) -> Result<(Self, Event), SignOnEnded> {
        if !self.is_active(policy, now) || by.user != self.user {
            return Err(SignOnEnded);
        }
        let limit = by.limit(policy, now);
        if by.desktop.is_some() {
            (self.session, self.workstation) = by.place();
            self.expires_at = limit;
        } else if self.session.is_some() {
            self.expires_at = limit.min(self.expires_at);
        } else {
            self.expires_at = limit;
        }
        self.credential = by.credential;
        self.authentication = by.authentication;
        self.last_used_at = now;
        let event = self.established();
        Ok((self, event))
    }

    fn established(&self) -> Event {
        Event::SignOnEstablished {
            sign_on: self.id,
            user: self.user,
            workstation: self.workstation,
            session: self.session,
            methods: self.authentication.methods.clone(),
            expires_at: self.expires_at,
        }
    }

    /// Whether she is signed on at `now`.
    pub fn is_active(&self, policy: &SignOnPolicy, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.expires_at && now < self.last_used_at + policy.idle
    }

    /// Remembers a use, if the last one is old enough to be worth writing.
    pub fn touch(&mut self, now: Timestamp) -> bool {
        let due = now >= self.last_used_at + TOUCH_AFTER;
        if due {
            self.last_used_at = now;
        }
        due
    }

    /// Ends it.
    pub fn end(mut self, reason: SignOnEnd, now: Timestamp) -> Result<(Self, Event), SignOnEnded> {
        if self.ended.is_some() {
            return Err(SignOnEnded);
        }
        self.ended = Some((now, reason));
        let event = Event::SignOnEnded {
            sign_on: self.id,
            user: self.user,
            workstation: self.workstation,
            reason,
        };
        Ok((self, event))
    }
}

impl Establishment {
    fn limit(&self, policy: &SignOnPolicy, now: Timestamp) -> Timestamp {
        let own = now + policy.overall;
        self.desktop.map_or(own, |(_, _, session_ends)| own.min(session_ends))
    }

    fn place(&self) -> (Option<SessionId>, Option<WorkstationId>) {
        self.desktop.map_or((None, None), |(session, desk, _)| (Some(session), Some(desk)))
    }
}

/// What an application requires of whoever is signed on to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirements {
    /// At least so much assurance.
    pub aal: Option<Aal>,
    /// Nothing that a page which only looks like ours could have used.
    pub phishing_resistant: bool,
    /// An authentication no older than this.
    pub max_age: Option<SignedDuration>,
    /// An authentication made for this request (`prompt=login`).
    pub force: bool,
    /// Who the application expects. The page may say it; it decides nothing.
    pub hint: Option<Username>,
    /// What she is to agree to before it goes on; `None` when policy needs no consent.
    pub consent: Option<Vec<String>>,
    /// What the page calls the application.
    pub client_name: Label,
}

/// Whether an authentication is enough for an application now, without asking her anything. Consent is not looked at.
pub fn meets(requirements: &Requirements, authentication: &Authentication, now: Timestamp) -> bool {
    let fresh = |age: SignedDuration| now.duration_since(authentication.at) <= age;
    !requirements.force
        && suffices(requirements, authentication)
        && requirements.max_age.is_none_or(fresh)
}

/// Whether an authentication is enough for what a browser was asked at `asked_at`: what was made since then is as fresh as
/// can be asked for.
pub fn answers(
    requirements: &Requirements,
    authentication: &Authentication,
    asked_at: Timestamp,
    now: Timestamp,
) -> bool {
    let anew = authentication.at >= asked_at && suffices(requirements, authentication);
    anew || meets(requirements, authentication, now)
}

/// Assurance and resistance. A one-time code alone opens the way to registering a passkey, and no application.
fn suffices(requirements: &Requirements, authentication: &Authentication) -> bool {
    authentication.methods != [Method::Code]
        && requirements.aal.is_none_or(|least| authentication.aal >= least)
        && (authentication.phishing_resistant || !requirements.phishing_resistant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn tap(at: Timestamp) -> Authentication {
        Authentication::tap(at)
    }

    fn by(n: u128, at: Timestamp) -> Establishment {
        let user = UserId::from(Uuid::from_u128(n));
        Establishment { user, desktop: None, credential: None, authentication: tap(at) }
    }

    fn open() -> SignOn {
        let id = SignOnId::from(Uuid::from_u128(1));
        SignOn::establish(id, by(2, NOW), &SignOnPolicy::default(), NOW).0
    }

    fn requirements() -> Requirements {
        Requirements {
            aal: None,
            phishing_resistant: false,
            max_age: None,
            force: false,
            hint: None,
            consent: None,
            client_name: "Charts".parse().unwrap(),
        }
    }

    #[test]
    fn a_sign_on_ends_when_idle_at_its_limit_and_when_it_is_ended() {
        let policy = SignOnPolicy::default();
        let mut sign_on = open();
        assert!(sign_on.is_active(&policy, NOW + 59.minutes()));
        assert!(!sign_on.is_active(&policy, NOW + 1.hour()));
        assert!(!sign_on.touch(NOW + 59.seconds()), "not worth writing");
        for hour in 1..12 {
            assert!(sign_on.touch(NOW + hour.hours() - 1.minute()));
        }
        assert!(sign_on.is_active(&policy, NOW + 11.hours()));
        assert!(sign_on.touch(NOW + 11.hours() + 30.minutes()));
        assert!(!sign_on.is_active(&policy, NOW + 12.hours()));
        let (sign_on, _) = open().end(SignOnEnd::SignedOut, NOW).unwrap();
        assert!(!sign_on.is_active(&policy, NOW));
        assert_eq!(sign_on.end(SignOnEnd::Expired, NOW), Err(SignOnEnded));
    }

    #[test]
    fn what_a_desktop_hands_over_lives_no_longer_than_its_session() {
        let desktop = (
            SessionId::from(Uuid::from_u128(5)),
            WorkstationId::from(Uuid::from_u128(6)),
            NOW + 2.hours(),
        );
        let by = Establishment { desktop: Some(desktop), ..by(2, NOW) };
        let id = SignOnId::from(Uuid::from_u128(1));
        let (sign_on, _) = SignOn::establish(id, by, &SignOnPolicy::default(), NOW);
        assert_eq!(sign_on.expires_at, NOW + 2.hours());
        assert_eq!((sign_on.session, sign_on.workstation), (Some(desktop.0), Some(desktop.1)));
    }

    #[test]
    fn the_same_user_renews_a_sign_on_and_another_does_not() {
        let policy = SignOnPolicy::default();
        let later = NOW + 30.minutes();
        let (renewed, _) = open().renew(by(2, later), &policy, later).unwrap();
        assert_eq!((renewed.id, renewed.authentication.at), (open().id, later));
        assert_eq!(renewed.expires_at, later + 12.hours());
        assert_eq!(open().renew(by(3, later), &policy, later), Err(SignOnEnded));
        assert_eq!(open().renew(by(2, later), &policy, NOW + 1.hour()), Err(SignOnEnded));
    }

    #[test]
    fn what_a_desktop_handed_over_stays_the_desktops_when_it_is_renewed_otherwise() {
        let policy = SignOnPolicy::default();
        let desktop = (
            SessionId::from(Uuid::from_u128(5)),
            WorkstationId::from(Uuid::from_u128(6)),
            NOW + 2.hours(),
        );
        let handed = Establishment { desktop: Some(desktop), ..by(2, NOW) };
        let id = SignOnId::from(Uuid::from_u128(1));
        let (sign_on, _) = SignOn::establish(id, handed, &policy, NOW);
        let later = NOW + 30.minutes();
        let (renewed, _) = sign_on.renew(by(2, later), &policy, later).unwrap();
        assert_eq!((renewed.session, renewed.workstation), (Some(desktop.0), Some(desktop.1)));
        assert_eq!(renewed.expires_at, NOW + 2.hours());
    }

    #[test]
    fn assurance_resistance_and_freshness_are_looked_at() {
        let later = NOW + 10.minutes();
        let cases = [
            (requirements(), true),
            (Requirements { aal: Some(Aal::Aal2), ..requirements() }, true),
            (Requirements { aal: Some(Aal::Aal3), ..requirements() }, false),
            (Requirements { phishing_resistant: true, ..requirements() }, true),
            (Requirements { force: true, ..requirements() }, false),
            (Requirements { max_age: Some(SignedDuration::from_mins(10)), ..requirements() }, true),
            (Requirements { max_age: Some(SignedDuration::from_mins(9)), ..requirements() }, false),
        ];
        for (required, met) in cases {
            assert_eq!(meets(&required, &tap(NOW), later), met, "{required:?}");
        }
        let phone = Authentication::new(NOW, vec![Method::HardwareKey], Aal::Aal1);
        let resistant = Requirements { phishing_resistant: true, ..requirements() };
        assert!(!meets(&resistant, &phone, NOW));
    }

    #[test]
    fn what_was_done_for_the_request_is_fresh_enough() {
        let required = Requirements {
            force: true,
            max_age: Some(SignedDuration::ZERO),
            aal: Some(Aal::Aal2),
            ..requirements()
        };
        let later = NOW + 1.minute();
        assert!(answers(&required, &tap(NOW), NOW, later));
        assert!(!answers(&required, &tap(NOW), later, later), "it was made before");
        let weak = Authentication::new(later, vec![Method::HardwareKey], Aal::Aal1);
        assert!(!answers(&required, &weak, later, later));
    }

    #[test]
    fn a_code_alone_opens_no_application() {
        let code = Authentication::new(NOW, vec![Method::Code], Aal::Aal1);
        assert!(!meets(&requirements(), &code, NOW));
        assert!(!answers(&requirements(), &code, NOW, NOW));
    }
}
