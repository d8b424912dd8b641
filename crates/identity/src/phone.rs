//! Phones: what the user has (SP 800-63B-4 §3.2, a bound authenticator).
use jiff::Timestamp;

use crate::digest::Digest;
use crate::event::Event;
use crate::id::{PhoneId, UserId};
use crate::invitation::{Code, Invitation, InvitationError};

/// A phone that is, was, or is to be bound to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Names this phone.
    pub id: PhoneId,
    /// Whose it is.
    pub user: UserId,
    /// How far the binding has come.
    pub state: State,
}

/// How far the binding has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// A one-time code was shown and not used yet.
    Invited(Invitation),
    /// Bound: the phone signs with this key.
    Bound(Binding),
    /// No longer accepted.
    Revoked {
        /// When.
        at: Timestamp,
        /// Why.
        reason: Revocation,
    },
}

/// What the server knows of a bound phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The device key: a P-256 `SubjectPublicKeyInfo` in DER.
    pub public_key: Vec<u8>,
    /// The key of its rotating identifier on the air; known to workstations through the roster.
    pub identifier_key: [u8; 32],
    /// When it was bound.
    pub at: Timestamp,
}

/// Why a phone, a workstation or a reference is no longer accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Revocation {
    /// An officer or administrator decided so.
    Administrator,
    /// The user reported it lost or stolen.
    Lost,
    /// A newer one took its place.
    Superseded,
    /// The user erased it.
    Erased,
}

crate::name::codes! { Revocation:
    Administrator = "administrator",
    Lost = "lost",
    Superseded = "superseded",
    Erased = "erased",
}

/// The phone cannot go from where it is to where it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// The code was used before.
    #[error("this phone was bound already: the one-time code cannot be used again")]
    AlreadyBound,
    /// It was revoked.
    #[error("this phone was revoked")]
    Revoked,
    /// The code does not open the invitation.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
}

impl Phone {
    /// Invites a user's next phone.
    pub fn invite(id: PhoneId, user: UserId, invitation: Invitation) -> (Self, Event) {
        (
            Self { id, user, state: State::Invited(invitation) },
            Event::PhoneInvited { phone: id, user },
        )
    }

    /// Binds the phone that showed the one-time code.
    pub fn bind(mut self, code: &Code, binding: Binding) -> Result<(Self, Event), PhoneError> {
        match self.state {
            State::Invited(invitation) => {
                invitation.accept(code, binding.at)?;
                let event = Event::PhoneBound {
                    phone: self.id,
                    user: self.user,
                    key: Digest::of(&[&binding.public_key]),
                };
                self.state = State::Bound(binding);
                Ok((self, event))
            }
            State::Bound(_) => Err(PhoneError::AlreadyBound),
            State::Revoked { .. } => Err(PhoneError::Revoked),
        }
    }

    /// What is known of the phone while it is bound.
    pub fn binding(&self) -> Option<&Binding> {
        match &self.state {
            State::Bound(binding) => Some(binding),
            State::Invited(_) | State::Revoked { .. } => None,
        }
    }

    /// Stops accepting the phone.
    pub fn revoke(
        mut self,
        now: Timestamp,
        reason: Revocation,
    ) -> Result<(Self, Event), PhoneError> {
        match self.state {
            State::Invited(_) | State::Bound(_) => {
                self.state = State::Revoked { at: now, reason };
                let event = Event::PhoneRevoked { phone: self.id, user: self.user, reason };
                Ok((self, event))
            }
            State::Revoked { .. } => Err(PhoneError::Revoked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use rand::SeedableRng as _;
    use uuid::Uuid;

    #[test]
    fn a_phone_is_bound_once() {
        let now = Timestamp::UNIX_EPOCH;
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let (invitation, code) = Invitation::open(SignedDuration::from_mins(10), now, &mut rng);
        let (phone, _) = Phone::invite(
            PhoneId::from(Uuid::from_u128(1)),
            UserId::from(Uuid::from_u128(2)),
            invitation,
        );
        let binding = Binding { public_key: vec![4; 91], identifier_key: [1; 32], at: now };
        let wrong = Code::generate(&mut rng);
        let refused = phone.clone().bind(&wrong, binding.clone());
        assert_eq!(refused, Err(PhoneError::Invitation(InvitationError::Wrong)));
        let (phone, _) = phone.bind(&code, binding.clone()).unwrap();
        assert_eq!(phone.clone().bind(&code, binding.clone()), Err(PhoneError::AlreadyBound));
        let (phone, _) = phone.revoke(now, Revocation::Lost).unwrap();
        assert_eq!(phone.binding(), None);
        assert_eq!(phone.bind(&code, binding), Err(PhoneError::Revoked));
    }
}
