//! Failed comparisons and the waits they cause (SP 800-63B-4 §3.2.3).
use jiff::{SignedDuration, Timestamp};

use crate::event::Event;
use crate::id::UserId;
use crate::refusal::Refusal;

/// Failed comparisons before the first wait.
pub const BEFORE_WAIT: u32 = 5;
/// Failed comparisons before the face is disabled until re-bound.
pub const BEFORE_DISABLED: u32 = 50;
/// The first wait; each further failure doubles it.
pub const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);
/// The longest wait.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// A user's failed comparisons since her last success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// Whose.
    pub user: UserId,
    /// Failures in a row.
    pub failures: u32,
    /// First instant at which the next attempt counts.
    pub wait_until: Option<Timestamp>,
}

impl Attempts {
    /// No failure so far.
    pub const fn none(user: UserId) -> Self {
        Self { user, failures: 0, wait_until: None }
    }

    /// Whether the next comparison may be made at `now`.
    pub fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.failures >= BEFORE_DISABLED {
            return Err(Refusal::BiometricDisabled);
        }
        match self.wait_until {
            Some(until) if now < until => Err(Refusal::TooManyAttempts),
            Some(_) | None => Ok(()),
        }
    }

    /// Counts a failed comparison; the event says when it led to a wait or to disabling.
    pub fn failed(mut self, now: Timestamp) -> (Self, Option<Event>) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= BEFORE_DISABLED {
            return (
                self,
                Some(Event::BiometricDisabled { user: self.user, failures: self.failures }),
            );
        }
        if self.failures < BEFORE_WAIT {
            return (self, None);
        }
        let doublings = (self.failures - BEFORE_WAIT).min(16);
        let wait = (FIRST_WAIT * (1 << doublings)).min(LONGEST_WAIT);
        let until = now + wait;
        self.wait_until = Some(until);
        (self, Some(Event::BiometricDelayed { user: self.user, failures: self.failures, until }))
    }

    /// Forgets the failures: after a success, or a new supervised enrolment.
    #[must_use]
    pub const fn reset(self) -> Self {
        Self::none(self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;
    use uuid::Uuid;

    #[test]
    fn five_failures_wait_and_fifty_disable() {
        let now = Timestamp::UNIX_EPOCH;
        let mut attempts = Attempts::none(UserId::from(Uuid::from_u128(1)));
        let mut waits = vec![];
        for n in 1..=BEFORE_DISABLED {
            let (next, event) = attempts.failed(now);
            attempts = next;
            assert_eq!(event.is_some(), n >= BEFORE_WAIT, "{n}");
            waits.push(attempts.wait_until.map(|until| until.duration_since(now).as_secs()));
        }
        assert_eq!(
            &waits[..8],
            &[None, None, None, None, Some(30), Some(60), Some(120), Some(240)]
        );
        assert_eq!(waits[40], Some(3600));
        assert_eq!(attempts.check(now + 24.hours()), Err(Refusal::BiometricDisabled));
        assert_eq!(attempts.reset().check(now), Ok(()));
    }

    #[test]
    fn a_wait_ends() {
        let now = Timestamp::UNIX_EPOCH;
        let attempts = Attempts {
            user: UserId::from(Uuid::from_u128(1)),
            failures: 5,
            wait_until: Some(now + 30.seconds()),
        };
        assert_eq!(attempts.check(now + 29.seconds()), Err(Refusal::TooManyAttempts));
        assert_eq!(attempts.check(now + 30.seconds()), Ok(()));
    }
}
