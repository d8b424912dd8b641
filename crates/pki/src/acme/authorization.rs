//! Authorizations (RFC 8555 §7.1.4, §7.1.6): that an account may have a certificate for one identifier of one order.
use imp_identity::AcmeOrderId;
use imp_identity::id::Id;
use jiff::Timestamp;

use super::{ChallengeKind, Identifier, Problem, ProblemType, Refused, Token};

/// Names an [`Authorization`].
pub type AuthorizationId = Id<Authorization>;

/// That an account may have a certificate for one identifier of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Names it.
    pub id: AuthorizationId,
    /// Of which order it is. No other order uses it.
    pub order: AcmeOrderId,
    /// For what.
    pub identifier: Identifier,
    /// The token of its challenges.
    pub token: Token,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
    /// How far it has come.
    pub state: AuthorizationState,
}

/// How far an authorization has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizationState {
    /// The client has chosen no challenge.
    Pending,
    /// The server is looking whether the chosen challenge is met.
    Processing {
        /// The chosen one.
        kind: ChallengeKind,
        /// How often it was looked.
        tries: u32,
    },
    /// It is proven.
    Valid {
        /// By what.
        kind: ChallengeKind,
        /// When.
        at: Timestamp,
        /// The key that the hardware attested, a `SubjectPublicKeyInfo` in DER: the only one that may be certified.
        attested: Option<Vec<u8>>,
    },
    /// It was not proven.
    Invalid {
        /// By what it should have been.
        kind: ChallengeKind,
        /// Why it was not.
        problem: Problem,
    },
    /// The client gave it up.
    Deactivated,
}

/// The authorization cannot be changed like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// It has expired.
    #[error("the authorization has expired")]
    Expired,
    /// It is decided.
    #[error("the authorization is decided already")]
    Decided,
    /// Its identifier is not proven by this.
    #[error("this identifier is not proven by this kind of challenge")]
    Kind,
    /// Another challenge was chosen.
    #[error("another challenge of this authorization is being looked at")]
    Chosen,
    /// Nothing is looked at.
    #[error("no challenge of this authorization is being looked at")]
    NotBegun,
}

impl Refused for AuthorizationError {
    fn kind(&self) -> ProblemType {
        ProblemType::Malformed
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Expired => "authorization-expired",
            Self::Decided => "authorization-decided",
            Self::Kind => "challenge-kind",
            Self::Chosen => "challenge-chosen",
            Self::NotBegun => "challenge-not-begun",
        }
    }
}

impl Authorization {
    /// Its status at an instant (§7.1.6).
    pub fn status(&self, now: Timestamp) -> &'static str {
        match &self.state {
            AuthorizationState::Invalid { .. } => "invalid",
            AuthorizationState::Deactivated => "deactivated",
            _ if self.expires_at <= now => "expired",
            AuthorizationState::Pending | AuthorizationState::Processing { .. } => "pending",
            AuthorizationState::Valid { .. } => "valid",
        }
    }

    /// Whether it is proven, now.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.status(now) == "valid"
    }

    /// The client says that a challenge is met. Saying it again changes nothing.
    pub fn begin(
        mut self,
        kind: ChallengeKind,
        now: Timestamp,
    ) -> Result<Self, AuthorizationError> {
        if !ChallengeKind::for_identifier(&self.identifier).contains(&kind) {
            return Err(AuthorizationError::Kind);
        }
        match &self.state {
            AuthorizationState::Pending | AuthorizationState::Processing { .. }
                if self.expires_at <= now =>
            {
                Err(AuthorizationError::Expired)
            }
            AuthorizationState::Pending => {
                self.state = AuthorizationState::Processing { kind, tries: 0 };
                Ok(self)
            }
            AuthorizationState::Processing { kind: chosen, .. } if *chosen == kind => Ok(self),
            AuthorizationState::Processing { .. } => Err(AuthorizationError::Chosen),
            AuthorizationState::Valid { .. }
            | AuthorizationState::Invalid { .. }
            | AuthorizationState::Deactivated => Err(AuthorizationError::Decided),
        }
    }

    /// The chosen challenge is met.
    pub fn succeed(
        mut self,
        now: Timestamp,
        attested: Option<Vec<u8>>,
    ) -> Result<Self, AuthorizationError> {
        let (kind, _) = self.begun()?;
        if self.expires_at <= now {
            return Err(AuthorizationError::Expired);
        }
        self.state = AuthorizationState::Valid { kind, at: now, attested };
        Ok(self)
    }

    /// The chosen challenge is not met: it is looked again, `most` times in all.
    pub fn fail(mut self, problem: Problem, most: u32) -> Result<Self, AuthorizationError> {
        let (kind, tries) = self.begun()?;
        let tries = tries.saturating_add(1);
        self.state = if tries < most {
            AuthorizationState::Processing { kind, tries }
        } else {
            AuthorizationState::Invalid { kind, problem: problem.about(self.identifier.clone()) }
        };
        Ok(self)
    }

    /// The client gives it up (§7.5.2).
    pub fn deactivate(mut self) -> Result<Self, AuthorizationError> {
        match self.state {
            AuthorizationState::Invalid { .. } | AuthorizationState::Deactivated => {
                Err(AuthorizationError::Decided)
            }
            AuthorizationState::Pending
            | AuthorizationState::Processing { .. }
            | AuthorizationState::Valid { .. } => {
                self.state = AuthorizationState::Deactivated;
                Ok(self)
            }
        }
    }

    fn begun(&self) -> Result<(ChallengeKind, u32), AuthorizationError> {
        match self.state {
            AuthorizationState::Processing { kind, tries } => Ok((kind, tries)),
            AuthorizationState::Pending => Err(AuthorizationError::NotBegun),
            AuthorizationState::Valid { .. }
            | AuthorizationState::Invalid { .. }
            | AuthorizationState::Deactivated => Err(AuthorizationError::Decided),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::super::testing::{NOW, authorization};
    use super::*;

    fn problem() -> Problem {
        Problem::new(ProblemType::Connection, "no answer")
    }

    #[test]
    fn a_challenge_is_looked_at_several_times_and_then_decided() {
        let begun = authorization("dns", "a.example").begin(ChallengeKind::Http01, NOW).unwrap();
        assert_eq!(begun.status(NOW), "pending");
        assert_eq!(begun.clone().begin(ChallengeKind::Http01, NOW), Ok(begun.clone()));
        assert_eq!(begun.clone().begin(ChallengeKind::Dns01, NOW), Err(AuthorizationError::Chosen));
        let again = begun.clone().fail(problem(), 2).unwrap();
        assert_eq!(again.status(NOW), "pending");
        let lost = again.clone().fail(problem(), 2).unwrap();
        assert_eq!(lost.status(NOW), "invalid");
        assert_eq!(lost.clone().succeed(NOW, None), Err(AuthorizationError::Decided));
        assert_eq!(lost.begin(ChallengeKind::Http01, NOW), Err(AuthorizationError::Decided));
        let won = again.succeed(NOW, None).unwrap();
        assert!(won.is_valid(NOW));
        assert_eq!(won.clone().fail(problem(), 2), Err(AuthorizationError::Decided));
        assert_eq!(won.deactivate().unwrap().status(NOW), "deactivated");
    }

    #[test]
    fn nothing_is_proven_without_being_asked_or_too_late_or_by_the_wrong_means() {
        let fresh = authorization("dns", "*.ward.example");
        assert_eq!(fresh.clone().succeed(NOW, None), Err(AuthorizationError::NotBegun));
        assert_eq!(fresh.clone().begin(ChallengeKind::Http01, NOW), Err(AuthorizationError::Kind));
        let late = NOW + 2.hours();
        assert_eq!(fresh.status(late), "expired");
        assert_eq!(
            fresh.clone().begin(ChallengeKind::Dns01, late),
            Err(AuthorizationError::Expired)
        );
        let begun = fresh.begin(ChallengeKind::Dns01, NOW).unwrap();
        assert_eq!(begun.succeed(late, None), Err(AuthorizationError::Expired));
    }
}
