//! A device's enrolment that waits for a second person.
use jiff::{SignedDuration, Timestamp};

use super::EnrolmentMeans;
use crate::digest::Digest;
use crate::event::{Actor, Event};
use crate::id::{ApprovalId, DeviceId};
use crate::name::Remark;

/// A request of a device of a critical class, and what became of it. Once approved, the device may be given certificates by
/// the same means until the approval ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Names this request.
    pub id: ApprovalId,
    /// Who asks.
    pub device: DeviceId,
    /// How.
    pub means: EnrolmentMeans,
    /// Digest of the `SubjectPublicKeyInfo` with which it asked first: what the second person compares.
    pub key: Digest,
    /// When it asked first.
    pub asked_at: Timestamp,
    /// What became of it.
    pub decision: Decision,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nobody has decided.
    Open,
    /// Somebody approved.
    Approved {
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
        /// First instant at which it no longer counts.
        until: Timestamp,
    },
    /// Somebody refused.
    Rejected {
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
    },
}

/// A request cannot be decided so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// Two people must agree.
    #[error("who registered or invited a device cannot approve its enrolment: somebody else must")]
    OwnDevice,
    /// Somebody has decided.
    #[error("this enrolment was decided already")]
    Decided,
}

impl Approval {
    /// Asks.
    pub fn request(
        id: ApprovalId,
        device: DeviceId,
        means: EnrolmentMeans,
        key: Digest,
        now: Timestamp,
    ) -> (Self, Event) {
        let event = Event::DeviceEnrolmentRequested { device, approval: id, means };
        (Self { id, device, means, key, asked_at: now, decision: Decision::Open }, event)
    }

    /// Approves for `lifetime`. `first` are those who have had a hand in it: who registered the device, who invited it.
    pub fn approve(
        mut self,
        by: Actor,
        first: &[Actor],
        lifetime: SignedDuration,
        now: Timestamp,
    ) -> Result<(Self, Event), ApprovalError> {
        if self.decision != Decision::Open {
            return Err(ApprovalError::Decided);
        }
        if first.contains(&by) {
            return Err(ApprovalError::OwnDevice);
        }
        self.decision = Decision::Approved { by, at: now, until: now + lifetime };
        let event = Event::DeviceEnrolmentApproved { device: self.device, approval: self.id };
        Ok((self, event))
    }

    /// Refuses, and says why. Also who registered the device may.
    pub fn reject(
        mut self,
        by: Actor,
        reason: Remark,
        now: Timestamp,
    ) -> Result<(Self, Event), ApprovalError> {
        if self.decision != Decision::Open {
            return Err(ApprovalError::Decided);
        }
        self.decision = Decision::Rejected { by, at: now };
        let (device, approval) = (self.device, self.id);
        Ok((self, Event::DeviceEnrolmentRejected { device, approval, reason }))
    }

    /// Whether certificates may be given by it.
    pub fn counts(&self, now: Timestamp) -> bool {
        matches!(self.decision, Decision::Approved { until, .. } if now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;
    use jiff::ToSpan as _;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);
    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn user(n: u128) -> Actor {
        Actor::User(UserId::from(Uuid::from_u128(n)))
    }

    fn asked() -> Approval {
        let (id, device) = (Uuid::from_u128(1).into(), Uuid::from_u128(2).into());
        Approval::request(id, device, EnrolmentMeans::Est, Digest::of(&[b"key"]), NOW).0
    }

    #[test]
    fn a_second_person_approves_and_only_for_a_time() {
        let first = [user(1), user(2)];
        for own in first.clone() {
            let refused = asked().approve(own, &first, DAY, NOW);
            assert_eq!(refused.unwrap_err(), ApprovalError::OwnDevice);
        }
        let (approved, event) = asked().approve(user(3), &first, DAY, NOW).unwrap();
        assert_eq!(event.name(), "device-enrolment-approved");
        assert!(!asked().counts(NOW));
        assert!(approved.counts(NOW + 23.hours()));
        assert!(!approved.counts(NOW + 24.hours()));
    }

    #[test]
    fn a_request_is_decided_once() {
        let why = || "not ours".parse().unwrap();
        let (approved, _) = asked().approve(user(3), &[], DAY, NOW).unwrap();
        assert_eq!(approved.reject(user(4), why(), NOW).unwrap_err(), ApprovalError::Decided);
        let (rejected, _) = asked().reject(user(1), why(), NOW).unwrap();
        assert!(!rejected.counts(NOW));
        let again = rejected.approve(user(4), &[], DAY, NOW);
        assert_eq!(again.unwrap_err(), ApprovalError::Decided);
    }
}
