//! Supervised enrolments (SP 800-63B-4 §4.1; SP 800-63A-4 §3).
use jiff::Timestamp;

use crate::event::Event;
use crate::id::{EnrolmentId, PhoneId, UserId, WorkstationId};

/// One sitting at the enrolment desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Names this enrolment.
    pub id: EnrolmentId,
    /// Who is enrolled.
    pub user: UserId,
    /// Who supervises.
    pub officer: UserId,
    /// Where.
    pub workstation: WorkstationId,
    /// The phone that is bound in it.
    pub phone: PhoneId,
    /// The version of the notice that she read and agreed to (GDPR Art. 9(2)(a)).
    pub notice: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// First instant at which it can no longer be completed.
    pub expires_at: Timestamp,
    /// How far it has come.
    pub state: State,
}

/// How far an enrolment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waiting for the phone, the capture, or the phone's confirmation.
    Open,
    /// The phone holds a signed reference.
    Completed {
        /// When.
        at: Timestamp,
    },
}

crate::name::codes! { Assurance: Supervised = "supervised" }

/// How sure it is that the face belongs to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// An officer proofed the person on site (SP 800-63A-4, on-site attended).
    Supervised,
}

/// The enrolment cannot be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// It was completed before.
    #[error("the enrolment is complete already")]
    Completed,
    /// It took too long.
    #[error("the enrolment has expired: begin again")]
    Expired,
}

impl Enrolment {
    /// The event of beginning it.
    pub fn opened(&self) -> Event {
        Event::EnrolmentOpened {
            enrolment: self.id,
            user: self.user,
            officer: self.officer,
            workstation: self.workstation,
            phone: self.phone,
            notice: self.notice.clone(),
        }
    }

    /// Whether it may be continued at `now`.
    pub fn check(&self, now: Timestamp) -> Result<(), EnrolmentError> {
        match self.state {
            State::Open if now < self.expires_at => Ok(()),
            State::Open => Err(EnrolmentError::Expired),
            State::Completed { .. } => Err(EnrolmentError::Completed),
        }
    }

    /// The phone has confirmed the reference.
    pub fn complete(mut self, now: Timestamp) -> Result<(Self, Event), EnrolmentError> {
        self.check(now)?;
        self.state = State::Completed { at: now };
        let event =
            Event::EnrolmentCompleted { enrolment: self.id, user: self.user, phone: self.phone };
        Ok((self, event))
    }
}
