//! Which phones are near, as their advertisements say. Comfort, not proof: anybody can replay an advertisement, and
//! only the phone's certificate says that it is there.
use std::collections::HashMap;
use std::time::Duration;

use imp_hardware::ble::{Address, Advertisement};
use imp_identity::PhoneId;
use tokio::time::Instant;

/// Most phones that are not in the roster and are remembered: noise on the air must not fill the memory.
const MOST_UNKNOWN: usize = 256;

/// What an advertisement said last.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// Where to connect to.
    pub address: Address,
    /// What it called itself.
    pub identifier: [u8; 8],
    /// Signal strength, in dBm.
    pub rssi: Option<i16>,
    /// When.
    pub at: Instant,
}

/// The phones that were heard lately.
#[derive(Debug)]
pub struct Presence {
    memory: Duration,
    known: HashMap<PhoneId, Sighting>,
    unknown: HashMap<[u8; 8], Sighting>,
}

impl Presence {
    /// Forgets a phone that was not heard for `memory`.
    pub fn new(memory: Duration) -> Self {
        Self { memory, known: HashMap::new(), unknown: HashMap::new() }
    }

    /// Remembers an advertisement of `phone`, or of a phone that the roster does not know; says whether it is news.
    pub fn hear(&mut self, from: Advertisement, phone: Option<PhoneId>, now: Instant) -> bool {
        let Advertisement { address, identifier, rssi } = from;
        let sighting = Sighting { address, identifier, rssi, at: now };
        if let Some(phone) = phone {
            self.unknown.remove(&identifier);
            return self.known.insert(phone, sighting).is_none_or(|old| self.is_stale(&old, now));
        }
        if self.unknown.len() >= MOST_UNKNOWN && !self.unknown.contains_key(&identifier) {
            let oldest = self.unknown.iter().min_by_key(|(_, seen)| seen.at).map(|(key, _)| *key);
            oldest.map(|key| self.unknown.remove(&key));
        }
        self.unknown.insert(identifier, sighting).is_none_or(|old| self.is_stale(&old, now))
    }

    /// Looks again at what was heard, after the roster has changed. Says whether a phone was recognised that was unknown before.
    pub fn reconsider(&mut self, resolve: impl Fn([u8; 8]) -> Option<PhoneId>) -> bool {
        let recognised = self.unknown.keys().any(|identifier| resolve(*identifier).is_some());
        let heard = self.known.drain().map(|(_, sighting)| sighting);
        let mut heard: Vec<_> = heard.chain(self.unknown.drain().map(|(_, s)| s)).collect();
        heard.sort_by_key(|sighting| sighting.at);
        for sighting in heard {
            match resolve(sighting.identifier) {
                Some(phone) => self.known.insert(phone, sighting),
                None => self.unknown.insert(sighting.identifier, sighting),
            };
        }
        recognised
    }

    /// Forgets who has gone.
    pub fn forget_gone(&mut self, now: Instant) {
        let memory = self.memory;
        let near = |sighting: &Sighting| now.saturating_duration_since(sighting.at) <= memory;
        self.known.retain(|_, sighting| near(sighting));
        self.unknown.retain(|_, sighting| near(sighting));
    }

    /// The phones of the roster that are near, in a fixed order that says nothing about distance.
    pub fn known(&self, now: Instant) -> Vec<(PhoneId, Sighting)> {
        let near = self.known.iter().filter(|(_, sighting)| !self.is_stale(sighting, now));
        let mut near: Vec<_> = near.map(|(phone, sighting)| (*phone, sighting.clone())).collect();
        near.sort_by_key(|(phone, _)| *phone);
        near
    }

    /// What was heard of `phone`, if it is near.
    pub fn find(&self, phone: PhoneId, now: Instant) -> Option<&Sighting> {
        self.known.get(&phone).filter(|sighting| !self.is_stale(sighting, now))
    }

    /// The phones near that the roster does not know.
    pub fn unknown(&self, now: Instant) -> Vec<&Sighting> {
        self.unknown.values().filter(|sighting| !self.is_stale(sighting, now)).collect()
    }

    fn is_stale(&self, sighting: &Sighting, now: Instant) -> bool {
        now.saturating_duration_since(sighting.at) > self.memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn advertisement(n: u64) -> Advertisement {
        Advertisement {
            address: Address::new(format!("{n:x}")),
            identifier: n.to_be_bytes(),
            rssi: Some(-50),
        }
    }

    fn phone(n: u128) -> PhoneId {
        PhoneId::from(Uuid::from_u128(n))
    }

    #[tokio::test(start_paused = true)]
    async fn a_phone_is_near_until_it_was_not_heard_for_a_while() {
        let start = Instant::now();
        let mut presence = Presence::new(Duration::from_secs(10));
        assert!(presence.hear(advertisement(1), Some(phone(1)), start));
        assert!(!presence.hear(advertisement(1), Some(phone(1)), start + Duration::from_secs(1)));
        assert!(presence.find(phone(1), start + Duration::from_secs(11)).is_some());
        assert!(presence.find(phone(1), start + Duration::from_secs(12)).is_none());
        assert!(presence.known(start + Duration::from_secs(12)).is_empty());
        assert!(presence.hear(advertisement(1), Some(phone(1)), start + Duration::from_secs(20)));
    }

    #[tokio::test(start_paused = true)]
    async fn noise_on_the_air_does_not_push_known_phones_out() {
        let now = Instant::now();
        let mut presence = Presence::new(Duration::from_secs(10));
        presence.hear(advertisement(1), Some(phone(1)), now);
        for n in 2..5_000 {
            presence.hear(advertisement(n), None, now);
        }
        assert_eq!(presence.unknown(now).len(), MOST_UNKNOWN);
        assert_eq!(presence.known(now).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_roster_recognises_and_forgets_who_was_heard_before() {
        let now = Instant::now();
        let mut presence = Presence::new(Duration::from_secs(10));
        presence.hear(advertisement(1), Some(phone(1)), now);
        presence.hear(advertisement(2), None, now);
        let resolve = |identifier| (identifier == 2u64.to_be_bytes()).then(|| phone(2));
        assert!(presence.reconsider(resolve));
        assert!(!presence.reconsider(resolve), "it is known already");
        let known: Vec<_> = presence.known(now).into_iter().map(|(phone, _)| phone).collect();
        assert_eq!(known, [phone(2)]);
        assert_eq!(presence.unknown(now).len(), 1);
    }
}
