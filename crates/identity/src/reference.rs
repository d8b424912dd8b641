//! Biometric references (ISO/IEC 2382-37 §37.03.16) as the server knows them: by digest only.
use jiff::Timestamp;

use crate::digest::Digest;
use crate::event::Event;
use crate::id::{EnrolmentId, PhoneId, ReferenceId, UserId};
use crate::phone::Revocation;

/// What the server keeps of a reference: never the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Names this reference.
    pub id: ReferenceId,
    /// Whose face it describes.
    pub user: UserId,
    /// The phone that holds it.
    pub phone: PhoneId,
    /// SHA-256(salt ‖ template); the salt is on the phone.
    pub digest: Digest,
    /// The models that made it, as `name@version`.
    pub model_set: String,
    /// The supervised enrolment that made it.
    pub enrolment: EnrolmentId,
    /// Who supervised.
    pub officer: UserId,
    /// When it was made.
    pub enrolled_at: Timestamp,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
    /// Whether it counts.
    pub state: State,
}

/// Whether a reference counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Signed, not yet confirmed by the phone.
    Issued,
    /// Stored on the phone.
    Active,
    /// No longer accepted.
    Revoked {
        /// When.
        at: Timestamp,
        /// Why.
        reason: Revocation,
    },
}

/// The reference cannot go from where it is to where it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The phone confirmed it before.
    #[error("the reference is active already")]
    AlreadyActive,
    /// It was revoked.
    #[error("the reference was revoked")]
    Revoked,
}

impl Reference {
    /// The event of signing this reference's credential.
    pub fn issued(&self) -> Event {
        Event::ReferenceIssued {
            reference: self.id,
            user: self.user,
            phone: self.phone,
            enrolment: self.enrolment,
            officer: self.officer,
            model_set: self.model_set.clone(),
            expires_at: self.expires_at,
        }
    }

    /// The phone has sealed the template.
    pub fn activate(mut self) -> Result<(Self, Event), ReferenceError> {
        match self.state {
            State::Issued => {
                self.state = State::Active;
                let event = Event::ReferenceActivated {
                    reference: self.id,
                    user: self.user,
                    phone: self.phone,
                };
                Ok((self, event))
            }
            State::Active => Err(ReferenceError::AlreadyActive),
            State::Revoked { .. } => Err(ReferenceError::Revoked),
        }
    }

    /// Stops accepting the reference.
    pub fn revoke(
        mut self,
        now: Timestamp,
        reason: Revocation,
    ) -> Result<(Self, Event), ReferenceError> {
        match self.state {
            State::Issued | State::Active => {
                self.state = State::Revoked { at: now, reason };
                let event = Event::ReferenceRevoked { reference: self.id, user: self.user, reason };
                Ok((self, event))
            }
            State::Revoked { .. } => Err(ReferenceError::Revoked),
        }
    }
}
