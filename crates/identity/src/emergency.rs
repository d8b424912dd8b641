//! Entries in an emergency: somebody could not be authenticated, and had to work all the same ("break glass").
use jiff::{SignedDuration, Timestamp};

use crate::event::{Actor, Event};
use crate::id::{SessionId, UserId, WorkstationId};
use crate::name::Remark;
use crate::policy::BreakGlass;
use crate::session::Session;

/// How long whoever vouches may take, after somebody asked to be let in.
pub const VOUCHING: SignedDuration = SignedDuration::from_mins(5);

/// One entry in an emergency. A review is always owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emergency {
    /// The session that was opened without the usual proof.
    pub session: SessionId,
    /// As whom.
    pub user: UserId,
    /// Where.
    pub workstation: WorkstationId,
    /// Why, in the words of whoever entered.
    pub reason: Remark,
    /// Who vouched for her.
    pub second: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// Until when it should be reviewed.
    pub review_by: Timestamp,
    /// What was found.
    pub review: Option<Review>,
}

/// What somebody found who looked into it afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// When.
    pub at: Timestamp,
    /// Who; absent for somebody with a shell on the server.
    pub reviewer: Option<UserId>,
    /// Whether it was an emergency.
    pub justified: bool,
    /// What else is to be said.
    pub remark: Remark,
}

/// The review does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// It was reviewed.
    #[error("the entry was reviewed already")]
    Reviewed,
    /// Nobody judges herself.
    #[error("who entered, or vouched for it, cannot review it")]
    Involved,
}

impl Emergency {
    /// That `session` was opened in an emergency.
    pub fn enter(
        session: &Session,
        reason: Remark,
        second: Option<UserId>,
        policy: &BreakGlass,
        now: Timestamp,
    ) -> (Self, Event) {
        let Session { id, user, workstation, .. } = *session;
        let event = Event::BreakGlassUsed {
            user,
            workstation,
            reason: reason.clone(),
            session: Some(id),
            second,
        };
        let review_by = now + policy.review_within;
        (
            Self {
                session: id,
                user,
                workstation,
                reason,
                second,
                at: now,
                review_by,
                review: None,
            },
            event,
        )
    }

    /// Judges it.
    pub fn review(
        mut self,
        reviewer: &Actor,
        justified: bool,
        remark: Remark,
        now: Timestamp,
    ) -> Result<(Self, Event), ReviewError> {
        if self.review.is_some() {
            return Err(ReviewError::Reviewed);
        }
        let reviewer = if let Actor::User(user) = reviewer { Some(*user) } else { None };
        if reviewer.is_some_and(|who| who == self.user || Some(who) == self.second) {
            return Err(ReviewError::Involved);
        }
        let event = Event::BreakGlassReviewed {
            session: self.session,
            user: self.user,
            workstation: self.workstation,
            justified,
            remark: remark.clone(),
        };
        self.review = Some(Review { at: now, reviewer, justified, remark });
        Ok((self, event))
    }

    /// Whether nobody has reviewed it in time.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.review.is_none() && now >= self.review_by
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authentication::Authentication;
    use crate::policy::SessionLimits;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn user(n: u128) -> UserId {
        UserId::from(Uuid::from_u128(n))
    }

    fn emergency() -> Emergency {
        let desk = WorkstationId::from(Uuid::from_u128(2));
        let id = SessionId::from(Uuid::from_u128(3));
        let (how, limits) = (Authentication::emergency(NOW), SessionLimits::DEFAULT);
        let (session, _) = Session::open(id, user(1), desk, how, &limits, NOW);
        let policy: BreakGlass = serde_json::from_str("{}").unwrap();
        let reason = "Cardiac arrest".parse().unwrap();
        Emergency::enter(&session, reason, Some(user(4)), &policy, NOW).0
    }

    #[test]
    fn an_entry_is_reviewed_once_by_somebody_else() {
        let remark = || "She was alone".parse::<Remark>().unwrap();
        for involved in [1, 4] {
            let refused = emergency().review(&Actor::User(user(involved)), true, remark(), NOW);
            assert_eq!(refused, Err(ReviewError::Involved));
        }
        let auditor = Actor::User(user(9));
        let (reviewed, event) = emergency().review(&auditor, true, remark(), NOW).unwrap();
        assert!(matches!(event, Event::BreakGlassReviewed { justified: true, .. }));
        assert_eq!(reviewed.review.as_ref().unwrap().reviewer, Some(user(9)));
        let again = reviewed.review(&auditor, false, remark(), NOW);
        assert_eq!(again, Err(ReviewError::Reviewed));
    }

    #[test]
    fn a_review_that_nobody_made_is_overdue() {
        let due = NOW + SignedDuration::from_hours(72);
        assert!(!emergency().is_overdue(due - SignedDuration::from_secs(1)));
        assert!(emergency().is_overdue(due));
        let remark = "fine".parse().unwrap();
        let (done, _) = emergency().review(&Actor::Server, true, remark, NOW).unwrap();
        assert!(!done.is_overdue(due));
    }
}
