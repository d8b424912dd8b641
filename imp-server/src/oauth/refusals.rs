//! Which refusals of applications were recorded lately, so that nobody fills the log by asking again.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use imp_identity::ClientId;
use jiff::{SignedDuration, Timestamp};

/// Of one application, one refusal is recorded in this time.
const INTERVAL: SignedDuration = SignedDuration::from_mins(1);
/// The most applications that are remembered. When there are more within the interval, further ones are not recorded.
const MOST: usize = 4096;

/// What was recorded lately.
#[derive(Debug, Default)]
pub(crate) struct ClientRefusals(Mutex<HashMap<ClientId, Timestamp>>);

impl ClientRefusals {
    /// Whether a refusal is to be recorded; if so, it counts as recorded.
    pub(crate) fn admit(&self, client: ClientId, now: Timestamp) -> bool {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |at: Timestamp| now.duration_since(at) >= INTERVAL;
        if recent.len() >= MOST {
            recent.retain(|_, at| !is_old(*at));
        }
        let known = recent.get(&client).copied();
        let admitted = known.map_or(recent.len() < MOST, is_old);
        if admitted {
            recent.insert(client, now);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refusal_an_application_and_minute_is_recorded() {
        let (refusals, start) = (ClientRefusals::default(), Timestamp::UNIX_EPOCH);
        let (one, other) = (ClientId::from_bytes([1; 16]), ClientId::from_bytes([2; 16]));
        assert!(refusals.admit(one, start));
        assert!(!refusals.admit(one, start + SignedDuration::from_secs(59)));
        assert!(refusals.admit(other, start));
        assert!(refusals.admit(one, start + INTERVAL));
    }
}
