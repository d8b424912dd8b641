//! How long to wait after a failure.
use std::cmp::max;

use jiff::SignedDuration;
use rand::{CryptoRng, RngExt as _};

/// After the first failure, in milliseconds; twice as long after each further one.
const FIRST: u64 = 1_000;
/// The longest, in milliseconds: five minutes.
const LONGEST: u64 = 300_000;
/// The longest that a receiver may ask for.
const MOST: SignedDuration = SignedDuration::from_hours(24);

/// The wait after `failures` in a row before this one: exponential, and between half and all of it, so that consumers that
/// failed together do not come back together. At least what the receiver asked for.
pub(super) fn wait(
    failures: u32,
    asked: Option<SignedDuration>,
    rng: &mut (impl CryptoRng + ?Sized),
) -> SignedDuration {
    let full = FIRST.saturating_mul(1_u64.checked_shl(failures.min(20)).unwrap_or(u64::MAX));
    let full = full.min(LONGEST);
    let millis = rng.random_range(full / 2..=full);
    let ours = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    max(ours, asked.unwrap_or_default().min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    #[test]
    fn waits_grow_to_five_minutes_and_differ() {
        let rng = &mut StdRng::seed_from_u64(1);
        for failures in 0..100_u32 {
            let full = (1_000_u64 << failures.min(10)).min(300_000);
            for _ in 0..20 {
                let wait = wait(failures, None, rng).as_millis();
                let wait = u64::try_from(wait).unwrap();
                assert!((full / 2..=full).contains(&wait), "{failures}: {wait}");
            }
        }
        assert_ne!(wait(9, None, rng), wait(9, None, rng));
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_but_not_for_ever() {
        let rng = &mut StdRng::seed_from_u64(1);
        let hour = SignedDuration::from_hours(1);
        assert_eq!(wait(0, Some(hour), rng), hour);
        assert_eq!(wait(0, Some(SignedDuration::MAX), rng), MOST);
        assert!(wait(20, Some(SignedDuration::from_secs(1)), rng) > SignedDuration::from_secs(100));
    }
}
