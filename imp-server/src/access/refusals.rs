//! Which refusals were recorded lately, so that nobody fills the log by asking again.
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;

use imp_identity::UserId;
use jiff::{SignedDuration, Timestamp};

/// Of one person and operation, one refusal is recorded in this time.
const INTERVAL: SignedDuration = SignedDuration::from_mins(1);
/// The most pairs that are remembered. When there are more within the interval, further ones are not recorded.
const MOST: usize = 4096;

/// What was recorded lately, by whoever was refused.
#[derive(Debug)]
pub(crate) struct Refusals<K = UserId>(Mutex<HashMap<(K, String), Timestamp>>);

impl<K> Default for Refusals<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Refusals<K> {
    /// Whether this refusal is to be recorded; if so, it counts as recorded.
    pub(crate) fn admit(&self, who: K, operation: &str, now: Timestamp) -> bool {
        let mut recent = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_old = |at: Timestamp| now.duration_since(at) >= INTERVAL;
        if recent.len() >= MOST {
            recent.retain(|_, at| !is_old(*at));
        }
        let full = recent.len() >= MOST;
        let key = (who, operation.to_owned());
        match recent.get_mut(&key) {
            Some(at) if is_old(*at) => *at = now,
            Some(_) => return false,
            None if full => return false,
            None => drop(recent.insert(key, now)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refusal_a_person_operation_and_minute_is_recorded() {
        let (refusals, start) = (Refusals::default(), Timestamp::UNIX_EPOCH);
        let (ada, bea) = (UserId::from_bytes([1; 16]), UserId::from_bytes([2; 16]));
        assert!(refusals.admit(ada, "events", start));
        assert!(!refusals.admit(ada, "events", start + SignedDuration::from_secs(59)));
        assert!(refusals.admit(ada, "users", start));
        assert!(refusals.admit(bea, "events", start));
        assert!(refusals.admit(ada, "events", start + SignedDuration::from_secs(60)));
    }

    #[test]
    fn memory_is_bounded() {
        let (refusals, start) = (Refusals::default(), Timestamp::UNIX_EPOCH);
        let ada = UserId::from_bytes([1; 16]);
        for number in 0..MOST {
            assert!(refusals.admit(ada, &number.to_string(), start));
        }
        assert!(!refusals.admit(ada, "one more", start));
        let later = start + SignedDuration::from_secs(61);
        assert!(refusals.admit(ada, "one more", later));
        assert_eq!(refusals.0.lock().unwrap().len(), 1);
    }
}
