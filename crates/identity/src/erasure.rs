//! Erasing records of the log before their time: one person asks, another approves or refuses.
use jiff::Timestamp;

use crate::event::{Actor, Event};
use crate::id::{ErasureId, UserId};
use crate::name::Remark;

/// A request to erase records, and what became of it. The leaves stay, and with them every proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Names this request.
    pub id: ErasureId,
    /// Which records.
    pub scope: Scope,
    /// Why, in the words of who asks.
    pub reason: Remark,
    /// An administrator, or somebody with a shell on the server.
    pub requested_by: Actor,
    /// When.
    pub requested_at: Timestamp,
    /// What became of it.
    pub state: State,
}

/// Which records are to be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One, by its leaf index.
    Record(u64),
    /// All about this person that may be erased early.
    Person(UserId),
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has decided.
    Requested,
    /// It is being carried out.
    Approved {
        /// The auditor.
        by: UserId,
        /// When.
        at: Timestamp,
        /// The first index that has not been looked at.
        next: u64,
        /// Records erased so far.
        erased: u64,
    },
    /// It was carried out.
    Done {
        /// The auditor who approved.
        by: UserId,
        /// When she approved.
        at: Timestamp,
        /// Records erased.
        erased: u64,
    },
    /// An auditor refused.
    Refused {
        /// The auditor.
        by: UserId,
        /// When.
        at: Timestamp,
    },
}

/// A request cannot be decided so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErasureError {
    /// Who asks does not approve: two people must agree.
    #[error("who asked for an erasure cannot decide it")]
    OwnRequest,
    /// Somebody has decided.
    #[error("the erasure was decided already")]
    Decided,
    /// Nobody has approved, or everything is done.
    #[error("the erasure is not under way")]
    NotUnderWay,
}

impl Scope {
    /// The leaf index of the one record.
    pub const fn index(self) -> Option<u64> {
        match self {
            Self::Record(index) => Some(index),
            Self::Person(_) => None,
        }
    }

    /// The person.
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::Record(_) => None,
            Self::Person(user) => Some(user),
        }
    }
}

impl Erasure {
    /// Asks.
    pub fn request(
        id: ErasureId,
        scope: Scope,
        reason: Remark,
        requested_by: Actor,
        now: Timestamp,
    ) -> (Self, Event) {
        let event = Event::ErasureRequested {
            erasure: id,
            index: scope.index(),
            user: scope.user(),
            reason: reason.clone(),
        };
        let state = State::Requested;
        (Self { id, scope, reason, requested_by, requested_at: now, state }, event)
    }

    /// Approves. Each step of carrying it out has an event of its own: see [`Erasure::erased`].
    pub fn approve(mut self, by: UserId, now: Timestamp) -> Result<Self, ErasureError> {
        self.undecided(by)?;
        self.state = State::Approved { by, at: now, next: 0, erased: 0 };
        Ok(self)
    }

    /// Refuses, and says why.
    pub fn refuse(
        mut self,
        by: UserId,
        reason: Remark,
        now: Timestamp,
    ) -> Result<(Self, Event), ErasureError> {
        self.undecided(by)?;
        self.state = State::Refused { by, at: now };
        let (index, user) = (self.scope.index(), self.scope.user());
        let event = Event::ErasureRefused { erasure: self.id, index, user, reason };
        Ok((self, event))
    }

    /// These records were erased; all before `next` have been looked at, and without it everything has.
    pub fn erased(
        mut self,
        entries: Vec<u64>,
        next: Option<u64>,
    ) -> Result<(Self, Option<Event>), ErasureError> {
        let State::Approved { by, at, erased, .. } = self.state else {
            return Err(ErasureError::NotUnderWay);
        };
        let erased = erased + entries.len() as u64;
        self.state = match next {
            Some(next) => State::Approved { by, at, next, erased },
            None => State::Done { by, at, erased },
        };
        let (erasure, requested_by) = (self.id, self.requested_by.clone());
        let reason = self.reason.clone();
        let event = Event::RecordsErased { erasure, entries, reason, requested_by };
        let is_empty = matches!(&event, Event::RecordsErased { entries, .. } if entries.is_empty());
        Ok((self, (!is_empty).then_some(event)))
    }

    fn undecided(&self, by: UserId) -> Result<(), ErasureError> {
        if self.state != State::Requested {
            Err(ErasureError::Decided)
        } else if self.requested_by == Actor::User(by) {
            Err(ErasureError::OwnRequest)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    fn user(n: u128) -> UserId {
        UserId::from(Uuid::from_u128(n))
    }

    fn requested(scope: Scope) -> Erasure {
        let id = ErasureId::from(Uuid::from_u128(9));
        let (erasure, event) =
            Erasure::request(id, scope, "wrong person".parse().unwrap(), Actor::User(user(1)), NOW);
        assert_eq!(event.name(), "erasure-requested");
        assert_eq!(event.user(), scope.user());
        erasure
    }

    #[test]
    fn nobody_decides_her_own_request() {
        let erasure = requested(Scope::Record(4));
        let own = Err(ErasureError::OwnRequest);
        assert_eq!(erasure.clone().approve(user(1), NOW), own);
        let refused = erasure.refuse(user(1), "no".parse().unwrap(), NOW);
        assert_eq!(refused.unwrap_err(), ErasureError::OwnRequest);
    }

    #[test]
    fn a_request_is_decided_once() {
        let no = || "kept for a claim".parse().unwrap();
        let approved = requested(Scope::Record(4)).approve(user(2), NOW).unwrap();
        assert_eq!(approved.clone().approve(user(3), NOW), Err(ErasureError::Decided));
        assert_eq!(approved.refuse(user(3), no(), NOW).unwrap_err(), ErasureError::Decided);
        let (refused, event) = requested(Scope::Record(4)).refuse(user(2), no(), NOW).unwrap();
        assert_eq!(event.name(), "erasure-refused");
        assert_eq!(refused.clone().approve(user(2), NOW), Err(ErasureError::Decided));
        assert_eq!(refused.erased(vec![4], None).unwrap_err(), ErasureError::NotUnderWay);
    }

    #[test]
    fn each_step_says_what_was_erased_and_the_last_one_ends_it() {
        let erasure = requested(Scope::Person(user(7))).approve(user(2), NOW).unwrap();
        let (erasure, event) = erasure.erased(vec![3, 5], Some(6)).unwrap();
        let Some(Event::RecordsErased { entries, requested_by, .. }) = event else {
            panic!("no event")
        };
        assert_eq!((entries, requested_by), (vec![3, 5], Actor::User(user(1))));
        let (erasure, event) = erasure.erased(vec![], Some(9)).unwrap();
        assert_eq!(event, None, "nothing was erased");
        let (erasure, _) = erasure.erased(vec![9], None).unwrap();
        assert_eq!(erasure.state, State::Done { by: user(2), at: NOW, erased: 3 });
        assert_eq!(erasure.erased(vec![1], None).unwrap_err(), ErasureError::NotUnderWay);
    }
}
