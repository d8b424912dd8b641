//! The server's signing keys and their rotation. Which state a key is in follows from the instants at which keys become
//! active, so that every server agrees without anybody writing anything at that moment.
use imp_identity::Secret;
use jiff::{SignedDuration, Timestamp};

use crate::jose::{Algorithm, Jwk, JwkSet, SigningKey, SigningKeyError};

/// A key as it is stored.
#[derive(Debug)]
pub struct StoredKey {
    /// With which it signs.
    pub algorithm: Algorithm,
    /// From when on it signs.
    pub active_at: Timestamp,
    /// The private key.
    pub pkcs8: Secret<Vec<u8>>,
}

/// When a key signs: what a plan is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTimes {
    /// `kid`.
    pub id: String,
    /// With which it signs.
    pub algorithm: Algorithm,
    /// From when on it signs.
    pub active_at: Timestamp,
}

/// What a key is for at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, that applications know it before it signs.
    Next,
    /// It signs.
    Current,
    /// Published until what it signed has expired.
    Retiring,
}

/// When keys change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long a key signs.
    pub period: SignedDuration,
    /// How long it is published before: longer than applications keep the JWKS.
    pub lead: SignedDuration,
    /// How long it is published after: longer than any token lives.
    pub keep: SignedDuration,
}

impl Rotation {
    /// 30 days, published a day before and a day after.
    pub const DEFAULT: Self = Self {
        period: SignedDuration::from_hours(30 * 24),
        lead: SignedDuration::from_hours(24),
        keep: SignedDuration::from_hours(24),
    };
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Keys to make, and from when on they sign.
    pub create: Vec<(Algorithm, Timestamp)>,
    /// Keys to forget, by `kid`.
    pub remove: Vec<String>,
}

/// What is to be done at `now`, for each of `algorithms`. To be asked now and then: more often than `lead` is long.
pub fn plan(
    keys: &[KeyTimes],
    algorithms: &[Algorithm],
    rotation: &Rotation,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    for algorithm in algorithms {
        let own = || keys.iter().filter(|key| key.algorithm == *algorithm);
        let Some(newest) = own().map(|key| key.active_at).max() else {
            plan.create.push((*algorithm, now));
            continue;
        };
        let due = newest + rotation.period;
        if newest <= now && now + rotation.lead >= due {
            // Late after a standstill: applications still get the lead.
            plan.create.push((*algorithm, due.max(now + rotation.lead)));
        }
    }
    plan.remove = keys
        .iter()
        .filter(|key| is_over(key, keys, rotation, now))
        .map(|key| key.id.clone())
        .collect();
    plan
}

/// A plan for a key that may be known to others: a new one signs from now on, and what the old one signed counts no longer.
pub fn plan_replacement(keys: &[KeyTimes], algorithm: Algorithm, now: Timestamp) -> Plan {
    let old = keys.iter().filter(|key| key.algorithm == algorithm).map(|key| key.id.clone());
    Plan { create: vec![(algorithm, now)], remove: old.collect() }
}

/// What a key is for.
pub fn state_of(key: &KeyTimes, keys: &[KeyTimes], now: Timestamp) -> KeyState {
    if key.active_at > now {
        return KeyState::Next;
    }
    match successor(key, keys) {
        Some(successor) if successor <= now => KeyState::Retiring,
        Some(_) | None => KeyState::Current,
    }
}

/// When the next key of the same algorithm takes over.
fn successor(key: &KeyTimes, keys: &[KeyTimes]) -> Option<Timestamp> {
    let later = |other: &&KeyTimes| {
        other.algorithm == key.algorithm && (other.active_at, &other.id) > (key.active_at, &key.id)
    };
    keys.iter().filter(later).map(|other| other.active_at).min()
}

fn is_over(key: &KeyTimes, keys: &[KeyTimes], rotation: &Rotation, now: Timestamp) -> bool {
    successor(key, keys).is_some_and(|successor| now >= successor + rotation.keep)
}

/// The keys of the server, ready for use.
#[derive(Debug, Default)]
pub struct KeySet(Vec<(SigningKey, KeyTimes)>);

impl KeySet {
    /// Reads stored keys.
    pub fn new(stored: Vec<StoredKey>) -> Result<Self, SigningKeyError> {
        let read = |key: StoredKey| {
            let signing = SigningKey::from_pkcs8(key.algorithm, key.pkcs8.expose())?;
            let times = KeyTimes {
                id: signing.id().to_owned(),
                algorithm: key.algorithm,
                active_at: key.active_at,
            };
            Ok((signing, times))
        };
        stored.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The key that signs with `algorithm` at `now`; nothing before [`plan`] was carried out.
    pub fn signing(&self, algorithm: Algorithm, now: Timestamp) -> Option<&SigningKey> {
        let active =
            self.0.iter().filter(|(_, key)| key.algorithm == algorithm && key.active_at <= now);
        active
            .max_by(|(_, a), (_, b)| (a.active_at, &a.id).cmp(&(b.active_at, &b.id)))
            .map(|(key, _)| key)
    }

    /// What is published: all of them, those that sign first.
    pub fn public(&self, now: Timestamp) -> JwkSet {
        let times = self.times();
        let mut keys: Vec<_> = self.0.iter().collect();
        keys.sort_by_key(|(_, key)| {
            (state_of(key, &times, now) != KeyState::Current, key.active_at)
        });
        JwkSet(keys.into_iter().map(|(key, _)| key.public().clone()).collect())
    }

    /// The public half of the key with this `kid`.
    pub fn find(&self, id: &str) -> Option<&Jwk> {
        self.0.iter().find(|(key, _)| key.id() == id).map(|(key, _)| key.public())
    }

    /// When each signs.
    pub fn times(&self) -> Vec<KeyTimes> {
        self.0.iter().map(|(_, times)| times.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALGORITHMS: &[Algorithm] = &[Algorithm::Es256];

    fn start() -> Timestamp {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }

    fn hours(hours: i64) -> Timestamp {
        start() + SignedDuration::from_hours(hours)
    }

    /// Two months, asked every hour, as the server's job does.
    #[test]
    fn keys_follow_each_other_without_a_gap() {
        let mut keys: Vec<KeyTimes> = Vec::new();
        let mut published_since = std::collections::HashMap::new();
        for hour in 0..61 * 24 {
            let now = hours(hour);
            let plan = plan(&keys, ALGORITHMS, &Rotation::DEFAULT, now);
            for (algorithm, active_at) in plan.create {
                let id = format!("key {}", published_since.len());
                published_since.insert(id.clone(), now);
                keys.push(KeyTimes { id, algorithm, active_at });
            }
            keys.retain(|key| !plan.remove.contains(&key.id));
            let current: Vec<_> =
                keys.iter().filter(|key| state_of(key, &keys, now) == KeyState::Current).collect();
            assert_eq!(current.len(), 1, "at hour {hour}");
            let lead = current[0].active_at.duration_since(published_since[&current[0].id]);
            assert!(current[0].id == "key 0" || lead == Rotation::DEFAULT.lead, "{lead}");
            assert!(keys.len() <= 2);
        }
        // Those of the beginning, of day 30, and of day 60; that of the beginning was forgotten on day 31.
        assert_eq!((published_since.len(), keys.len()), (3, 2));
    }

    #[test]
    fn after_a_standstill_applications_still_hear_of_a_key_before_it_signs() {
        let old =
            KeyTimes { id: "old".to_owned(), algorithm: Algorithm::Es256, active_at: start() };
        let now = hours(100 * 24);
        let plan = plan(std::slice::from_ref(&old), ALGORITHMS, &Rotation::DEFAULT, now);
        assert_eq!(plan.create, [(Algorithm::Es256, now + Rotation::DEFAULT.lead)]);
        assert_eq!(plan.remove, Vec::<String>::new());
        assert_eq!(plan_replacement(&[old], Algorithm::Es256, now).remove, ["old"]);
    }

    #[test]
    fn a_set_signs_with_its_current_key_and_publishes_all() {
        let stored = |algorithm, hour| StoredKey {
            algorithm,
            active_at: hours(hour),
            pkcs8: SigningKey::generate(algorithm).unwrap(),
        };
        let set = KeySet::new(vec![
            stored(Algorithm::Es256, 0),
            stored(Algorithm::Es256, 48),
            stored(Algorithm::EdDsa, 0),
        ])
        .unwrap();
        let before = set.signing(Algorithm::Es256, hours(47)).unwrap().id().to_owned();
        let after = set.signing(Algorithm::Es256, hours(48)).unwrap().id().to_owned();
        assert_ne!(before, after);
        assert!(set.signing(Algorithm::EdDsa, hours(-1)).is_none());
        assert_eq!(set.public(hours(1)).0.len(), 3);
        assert_eq!(set.public(hours(50)).0.last().unwrap().id.as_deref(), Some(before.as_str()));
        assert!(set.find(&before).is_some() && set.find("other").is_none());
    }
}
