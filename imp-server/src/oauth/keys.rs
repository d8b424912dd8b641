//! The keys that sign tokens, opened: which one signs now, and which ones others are shown.
use std::collections::HashMap;
use std::sync::Arc;

use imp_oauth::jose::{Algorithm, Jwk, JwkSet, SigningKey};
use jiff::{SignedDuration, Timestamp};

use super::seal::KeySealer;
use crate::store::StoredSigningKey;

/// What a key is for at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Others are shown it, so that they know it when it begins to sign.
    Next,
    /// It signs.
    Current,
    /// It signs no longer; what it signed counts.
    Retiring,
}

impl KeyUse {
    /// The stable code, as printed.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retiring => "retiring",
        }
    }
}

/// What each of some keys is for, and since when one that retires does not sign.
pub(crate) fn uses(
    keys: &[StoredSigningKey],
    now: Timestamp,
) -> Vec<(&StoredSigningKey, KeyUse, Option<Timestamp>)> {
    let successor = |key: &StoredSigningKey| {
        let later = keys.iter().filter(|other| {
            other.algorithm == key.algorithm
                && other.generation > key.generation
                && other.signs_from <= now
        });
        later.map(|other| other.signs_from).min()
    };
    keys.iter()
        .map(|key| match successor(key) {
            Some(since) => (key, KeyUse::Retiring, Some(since)),
            None if key.signs_from > now => (key, KeyUse::Next, None),
            None => (key, KeyUse::Current, None),
        })
        .collect()
}

/// The keys, opened.
#[derive(Debug, Default)]
pub(crate) struct KeyRing {
    keys: Vec<(StoredSigningKey, Arc<SigningKey>)>,
    /// Every key, for whoever checks signatures.
    published: JwkSet,
}

impl KeyRing {
    /// Opens keys. One that cannot be opened is passed over, and said: others may be able to sign.
    pub(super) fn open(stored: Vec<StoredSigningKey>, sealer: &KeySealer) -> Self {
        let mut ring = Self::default();
        for stored in stored {
            match open(&stored, sealer) {
                Ok(key) => {
                    ring.published.0.push(key.public().clone());
                    ring.keys.push((stored, Arc::new(key)));
                }
                Err(error) => {
                    tracing::error!(key = stored.id, error, "a signing key cannot be used");
                }
            }
        }
        ring
    }

    /// The key that signs with an algorithm at an instant.
    pub(crate) fn signing(&self, algorithm: Algorithm, now: Timestamp) -> Option<&Arc<SigningKey>> {
        let of = self
            .keys
            .iter()
            .filter(|(stored, key)| key.algorithm() == algorithm && stored.signs_from <= now);
        of.max_by_key(|(stored, _)| stored.generation).map(|(_, key)| key)
    }

    /// What others check signatures with.
    pub(crate) const fn published(&self) -> &JwkSet {
        &self.published
    }

    /// The public key of an identifier.
    pub(crate) fn find(&self, id: &str) -> Option<&Jwk> {
        self.keys.iter().find(|(stored, _)| stored.id == id).map(|(_, key)| key.public())
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

fn open(stored: &StoredSigningKey, sealer: &KeySealer) -> Result<SigningKey, Error> {
    let algorithm = Algorithm::from_code(&stored.algorithm).ok_or("its algorithm is not known")?;
    let document = sealer.open(&stored.id, &stored.sealed)?;
    Ok(SigningKey::from_pkcs8(algorithm, document.expose())?)
}

/// How keys follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rotation {
    /// How long a key signs.
    pub(crate) period: SignedDuration,
    /// How long a key is shown before it signs, and after.
    pub(crate) overlap: SignedDuration,
}

/// What is to be done about keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// Make a key of that algorithm and generation, which signs from then on.
    pub(crate) make: Vec<(Algorithm, u64, Timestamp)>,
    /// Remove the keys of these identifiers.
    pub(crate) remove: Vec<String>,
}

impl Rotation {
    /// What is to be done at an instant.
    pub(crate) fn due(self, keys: &[StoredSigningKey], now: Timestamp) -> Due {
        let mut due = Due::default();
        let mut current = HashMap::new();
        let mut latest = HashMap::new();
        for (key, use_of, since) in uses(keys, now) {
            let algorithm = key.algorithm.as_str();
            let newest = latest.entry(algorithm).or_insert(key.generation);
            *newest = key.generation.max(*newest);
            match use_of {
                KeyUse::Next => {}
                KeyUse::Current => {
                    current.insert(algorithm, key);
                }
                KeyUse::Retiring => {
                    if since.is_some_and(|since| since + self.overlap <= now) {
                        due.remove.push(key.id.clone());
                    }
                }
            }
        }
        for algorithm in Algorithm::SIGNING.iter().copied() {
            let code = algorithm.code();
            let newest = latest.get(code).copied();
            match (current.get(code), newest) {
                (None, None) => due.make.push((algorithm, 1, now)),
                (Some(key), Some(newest)) if newest == key.generation => {
                    let ends = key.signs_from + self.period;
                    if now >= ends - self.overlap {
                        due.make.push((algorithm, newest + 1, ends.max(now + self.overlap)));
                    }
                }
                // The next one is made, or the first one has yet to begin.
                (Some(_) | None, _) => {}
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);
    const ROTATION: Rotation = Rotation {
        period: SignedDuration::from_hours(24 * 30),
        overlap: SignedDuration::from_hours(24),
    };

    fn key(algorithm: &str, generation: u64, signs_from: Timestamp) -> StoredSigningKey {
        StoredSigningKey {
            id: format!("{algorithm}-{generation}"),
            algorithm: algorithm.to_owned(),
            generation,
            sealed: vec![],
            made_at: NOW,
            signs_from,
        }
    }

    /// Both algorithms, as they are after the first start.
    fn first() -> Vec<StoredSigningKey> {
        vec![key("ES256", 1, NOW), key("EdDSA", 1, NOW)]
    }

    #[test]
    fn the_first_start_makes_keys_that_sign_at_once() {
        let due = ROTATION.due(&[], NOW);
        let made = [(Algorithm::Es256, 1, NOW), (Algorithm::EdDsa, 1, NOW)];
        assert_eq!(due, Due { make: made.to_vec(), remove: vec![] });
        assert_eq!(ROTATION.due(&first(), NOW), Due::default());
    }

    #[test]
    fn a_key_is_shown_before_it_signs_and_after() {
        let mut keys = first();
        assert_eq!(ROTATION.due(&keys, NOW + (28 * 24).hours()), Due::default());
        let shown = NOW + (29 * 24).hours();
        let due = ROTATION.due(&keys, shown);
        let ends = NOW + (30 * 24).hours();
        assert_eq!(due.make, [(Algorithm::Es256, 2, ends), (Algorithm::EdDsa, 2, ends)]);
        keys.extend([key("ES256", 2, ends), key("EdDSA", 2, ends)]);
        assert_eq!(ROTATION.due(&keys, shown), Due::default());
        let of = |now| uses(&keys, now).into_iter().map(|(_, of, _)| of).collect::<Vec<_>>();
        use KeyUse::{Current, Next, Retiring};
        assert_eq!(of(shown), [Current, Current, Next, Next]);
        assert_eq!(of(ends), [Retiring, Retiring, Current, Current]);
        assert_eq!(ROTATION.due(&keys, ends + 23.hours()), Due::default());
        assert_eq!(ROTATION.due(&keys, ends + 24.hours()).remove, ["ES256-1", "EdDSA-1"]);
    }

    #[test]
    fn after_a_long_sleep_the_next_key_is_still_shown_before_it_signs() {
        let late = NOW + (90 * 24).hours();
        let due = ROTATION.due(&first(), late);
        assert_eq!(due.make[0], (Algorithm::Es256, 2, late + 24.hours()));
    }
}
