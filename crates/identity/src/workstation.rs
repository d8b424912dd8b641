//! Workstations: where people tap in.
use jiff::Timestamp;

use crate::digest::Digest;
use crate::event::Event;
use crate::id::WorkstationId;
use crate::invitation::{Code, Invitation, InvitationError};
use crate::name::Label;
use crate::phone::Revocation;

/// A shared workstation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workstation {
    /// Names this workstation.
    pub id: WorkstationId,
    /// How it is shown to people, on the phone too.
    pub name: Label,
    /// The ward or department where it stands.
    pub unit: Option<Label>,
    /// The building or campus where it stands: nobody is at two sites within minutes.
    pub site: Option<Label>,
    /// How far its enrolment has come.
    pub state: State,
}

/// Where a workstation stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The ward or department.
    pub unit: Option<Label>,
    /// The building or campus.
    pub site: Option<Label>,
}

/// How far the enrolment has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// A one-time code was given out and not used yet.
    Invited(Invitation),
    /// Enrolled: its agent signs with this key.
    Enrolled {
        /// A P-256 `SubjectPublicKeyInfo` in DER.
        public_key: Vec<u8>,
        /// When.
        at: Timestamp,
    },
    /// No longer accepted.
    Revoked {
        /// When.
        at: Timestamp,
        /// Why.
        reason: Revocation,
    },
}

/// The workstation cannot go from where it is to where it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkstationError {
    /// The code was used before.
    #[error("this workstation is enrolled already: the one-time code cannot be used again")]
    AlreadyEnrolled,
    /// It was revoked.
    #[error("this workstation was revoked")]
    Revoked,
    /// The code does not open the invitation.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
}

impl Workstation {
    /// Invites a workstation.
    pub fn invite(
        id: WorkstationId,
        name: Label,
        place: Place,
        invitation: Invitation,
    ) -> (Self, Event) {
        let event = Event::WorkstationInvited { workstation: id, name: name.clone() };
        let Place { unit, site } = place;
        (Self { id, name, unit, site, state: State::Invited(invitation) }, event)
    }

    /// Says where it stands now.
    pub fn place(mut self, place: Place) -> Result<(Self, Event), WorkstationError> {
        match self.state {
            State::Invited(_) | State::Enrolled { .. } => {
                Place { unit: self.unit, site: self.site } = place;
                let event = Event::WorkstationMoved {
                    workstation: self.id,
                    unit: self.unit.clone(),
                    site: self.site.clone(),
                };
                Ok((self, event))
            }
            State::Revoked { .. } => Err(WorkstationError::Revoked),
        }
    }

    /// Enrols the workstation that showed the one-time code.
    pub fn enrol(
        mut self,
        code: &Code,
        public_key: Vec<u8>,
        now: Timestamp,
    ) -> Result<(Self, Event), WorkstationError> {
        match self.state {
            State::Invited(invitation) => {
                invitation.accept(code, now)?;
                let event = Event::WorkstationEnrolled {
                    workstation: self.id,
                    key: Digest::of(&[&public_key]),
                };
                self.state = State::Enrolled { public_key, at: now };
                Ok((self, event))
            }
            State::Enrolled { .. } => Err(WorkstationError::AlreadyEnrolled),
            State::Revoked { .. } => Err(WorkstationError::Revoked),
        }
    }

    /// The key it signs with, while it is enrolled.
    pub fn public_key(&self) -> Option<&[u8]> {
        match &self.state {
            State::Enrolled { public_key, .. } => Some(public_key),
            State::Invited(_) | State::Revoked { .. } => None,
        }
    }

    /// Stops accepting the workstation.
    pub fn revoke(
        mut self,
        now: Timestamp,
        reason: Revocation,
    ) -> Result<(Self, Event), WorkstationError> {
        match self.state {
            State::Invited(_) | State::Enrolled { .. } => {
                self.state = State::Revoked { at: now, reason };
                let event = Event::WorkstationRevoked { workstation: self.id, reason };
                Ok((self, event))
            }
            State::Revoked { .. } => Err(WorkstationError::Revoked),
        }
    }
}
