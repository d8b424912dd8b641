//! Leaky buckets in a fixed space: the generic cell rate algorithm (ITU-T I.371 §5.4.1.1.1) over a table of instants.
//!
//! Who asks is hashed, with a key of this process, to a place in the table. Memory is fixed, whoever asks; two who share a
//! place share its bucket, and nobody can look for a place that she shares with another. (The crate governor was considered:
//! it cannot look whether a bucket is empty without taking from it, and it remembers each address.)
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// How many buckets there are: 128 KiB.
const PLACES: usize = 16 * 1024;

/// Buckets of one size.
#[derive(Debug)]
pub(super) struct Buckets {
    /// When each will be full again, in microseconds of Unix time.
    full_at: Box<[AtomicI64]>,
    hasher: RandomState,
    /// What one attempt takes, in microseconds.
    cost: i64,
    /// What a full bucket holds, in microseconds.
    size: i64,
}

/// The bucket is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) SignedDuration);

impl Buckets {
    /// Buckets of `per_minute` attempts, which fill again within a minute.
    pub(super) fn new(per_minute: u32) -> Self {
        const MINUTE: i64 = 60 * 1_000_000;
        let cost = (MINUTE / i64::from(per_minute.max(1))).max(1);
        let full_at = (0..PLACES).map(|_| AtomicI64::new(0)).collect();
        Self { full_at, hasher: RandomState::new(), cost, size: cost * i64::from(per_minute) }
    }

    /// Whether there is something in the bucket of `who`. Takes nothing.
    pub(super) fn look(&self, who: &impl Hash, now: Timestamp) -> Result<(), Wait> {
        let (now, full_at) = (now.as_microsecond(), self.place(who).load(Ordering::Relaxed));
        let after = full_at.max(now) + self.cost - self.size;
        if after <= now { Ok(()) } else { Err(Wait(SignedDuration::from_micros(after - now))) }
    }

    /// Takes one attempt from the bucket of `who`; `Err`, and nothing taken, if it is empty.
    pub(super) fn take(&self, who: &impl Hash, now: Timestamp) -> Result<(), Wait> {
        let (place, now_at) = (self.place(who), now.as_microsecond());
        let taken = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let after = full_at.max(now_at) + self.cost;
            (after - self.size <= now_at).then_some(after)
        });
        taken.map(drop).or_else(|_| self.look(who, now))
    }

    /// Gives one attempt back that was taken.
    pub(super) fn give_back(&self, who: &impl Hash) {
        self.place(who).fetch_sub(self.cost, Ordering::Relaxed);
    }

    fn place(&self, who: &impl Hash) -> &AtomicI64 {
        let hash = usize::try_from(self.hasher.hash_one(who) % PLACES as u64).unwrap_or(0);
        &self.full_at[hash]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_spent_at_once_and_fills_within_a_minute() {
        let (buckets, start) = (Buckets::new(30), Timestamp::UNIX_EPOCH);
        for _ in 0..30 {
            assert_eq!(buckets.take(&"a", start), Ok(()));
        }
        assert_eq!(buckets.look(&"a", start), Err(Wait(SignedDuration::from_secs(2))));
        assert_eq!(buckets.take(&"a", start), Err(Wait(SignedDuration::from_secs(2))));
        assert_eq!(buckets.take(&"b", start), Ok(()), "another has her own");
        let soon = start + SignedDuration::from_secs(2);
        assert_eq!(buckets.take(&"a", soon), Ok(()));
        assert!(buckets.take(&"a", soon).is_err());
        let later = soon + SignedDuration::from_secs(60);
        for _ in 0..30 {
            assert_eq!(buckets.take(&"a", later), Ok(()));
        }
    }

    #[test]
    fn looking_takes_nothing_and_a_clock_that_goes_back_locks_nobody_out_for_long() {
        let (buckets, start) = (Buckets::new(1), Timestamp::UNIX_EPOCH);
        for _ in 0..10 {
            assert_eq!(buckets.look(&1, start), Ok(()));
        }
        buckets.take(&1, start).unwrap();
        assert_eq!(buckets.look(&1, start), Err(Wait(SignedDuration::from_secs(60))));
    }

    #[test]
    fn what_is_given_back_was_never_taken() {
        let (buckets, start) = (Buckets::new(2), Timestamp::UNIX_EPOCH);
        for _ in 0..10 {
            buckets.take(&"a", start).unwrap();
            buckets.give_back(&"a");
        }
        buckets.take(&"a", start).unwrap();
        buckets.take(&"a", start).unwrap();
        assert!(buckets.take(&"a", start).is_err());
    }

    #[test]
    fn any_number_of_callers_fits() {
        let (buckets, start) = (Buckets::new(5), Timestamp::UNIX_EPOCH);
        for caller in 0..200_000_u32 {
            let _ = buckets.take(&caller, start);
        }
        assert_eq!(buckets.full_at.len(), PLACES);
    }
}
