//! Challenges that were asked for before the press, while a known phone is near: one for each phone and purpose.
use std::collections::HashMap;

use imp_api::tap::TapOpened;
use imp_identity::tap::Purpose;
use imp_identity::{PhoneId, TapId};
use jiff::{SignedDuration, Timestamp};

/// Most challenges that are kept.
const MOST: usize = 32;
/// A challenge with less time left is not begun a tap with, and is replaced.
const LEAST_LEFT: SignedDuration = SignedDuration::from_secs(15);
/// After a refusal the server is not asked again for this long, except by a press.
const REFUSED_FOR: SignedDuration = SignedDuration::from_mins(5);

/// A challenge that can be used at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The tap it opens.
    pub tap: TapId,
    /// What is to be signed.
    pub nonce: [u8; 32],
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
    /// Whether this workstation drew it itself, because the server could not be reached.
    pub drawn_here: bool,
}

/// The server's challenge is not 32 bytes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server's challenge is not 32 bytes long")]
pub struct MalformedChallenge;

type Key = (PhoneId, &'static str);

/// The challenges at hand.
#[derive(Debug, Default)]
pub struct Prefetch {
    ready: HashMap<Key, Challenge>,
    refused: HashMap<Key, Timestamp>,
}

impl TryFrom<TapOpened> for Challenge {
    type Error = MalformedChallenge;

    fn try_from(opened: TapOpened) -> Result<Self, MalformedChallenge> {
        let nonce = opened.challenge.0.try_into().map_err(|_| MalformedChallenge)?;
        Ok(Self { tap: opened.tap, nonce, expires_at: opened.expires_at, drawn_here: false })
    }
}

impl Prefetch {
    /// Hands out the challenge for `phone` and `purpose`, which then is used up.
    pub fn take(&mut self, phone: PhoneId, purpose: Purpose, now: Timestamp) -> Option<Challenge> {
        self.refused.remove(&(phone, purpose.code()));
        let challenge = self.ready.remove(&(phone, purpose.code()))?;
        has_time(&challenge, now).then_some(challenge)
    }

    /// Which of `wanted` to ask the server for now.
    pub fn due(
        &mut self,
        wanted: &[(PhoneId, Purpose)],
        now: Timestamp,
    ) -> Vec<(PhoneId, Purpose)> {
        self.ready.retain(|_, challenge| now < challenge.expires_at);
        self.refused.retain(|_, until| now < *until);
        let room = MOST.saturating_sub(self.ready.len());
        let lacking = wanted.iter().copied().filter(|(phone, purpose)| {
            let key = (*phone, purpose.code());
            let ready = self.ready.get(&key).is_some_and(|challenge| has_time(challenge, now));
            !ready && !self.refused.contains_key(&key)
        });
        let (mut due, mut fresh) = (Vec::new(), 0);
        for (phone, purpose) in lacking {
            let replaces = self.ready.contains_key(&(phone, purpose.code()));
            if replaces || fresh < room {
                fresh += usize::from(!replaces);
                due.push((phone, purpose));
            }
        }
        due
    }

    /// Keeps what the server answered.
    pub fn keep(&mut self, phone: PhoneId, purpose: Purpose, challenge: Challenge) {
        let key = (phone, purpose.code());
        if self.ready.len() < MOST || self.ready.contains_key(&key) {
            self.ready.insert(key, challenge);
        }
    }

    /// Remembers that the server does not want to be asked for this; forgets the oldest refusal when there are too many.
    pub fn refused(&mut self, phone: PhoneId, purpose: Purpose, now: Timestamp) {
        let key = (phone, purpose.code());
        if self.refused.len() >= MOST && !self.refused.contains_key(&key) {
            let oldest = self.refused.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key);
            oldest.map(|key| self.refused.remove(&key));
        }
        self.refused.insert(key, now + REFUSED_FOR);
    }

    /// Drops everything: the workstation's certificate, the roster's keys or the clock have changed.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many are ready.
    pub fn len(&self) -> usize {
        self.ready.len()
    }

    /// Whether none is ready.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }
}

fn has_time(challenge: &Challenge, now: Timestamp) -> bool {
    now + LEAST_LEFT < challenge.expires_at
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn phone(n: usize) -> PhoneId {
        PhoneId::from(Uuid::from_u128(n as u128))
    }

    fn challenge(n: u8) -> Challenge {
        Challenge {
            tap: TapId::from(Uuid::from_u128(n.into())),
            nonce: [n; 32],
            expires_at: NOW + 60.seconds(),
            drawn_here: false,
        }
    }

    #[test]
    fn a_challenge_is_handed_out_once_and_for_its_purpose_only() {
        let mut prefetch = Prefetch::default();
        prefetch.keep(phone(1), Purpose::TapIn, challenge(7));
        assert_eq!(prefetch.take(phone(1), Purpose::Unlock, NOW), None);
        assert_eq!(prefetch.take(phone(2), Purpose::TapIn, NOW), None);
        assert_eq!(prefetch.take(phone(1), Purpose::TapIn, NOW), Some(challenge(7)));
        assert_eq!(prefetch.take(phone(1), Purpose::TapIn, NOW), None);
    }

    #[test]
    fn a_challenge_is_replaced_before_it_expires() {
        let mut prefetch = Prefetch::default();
        let wanted = [(phone(1), Purpose::TapIn)];
        assert_eq!(prefetch.due(&wanted, NOW), wanted);
        prefetch.keep(phone(1), Purpose::TapIn, challenge(7));
        assert_eq!(prefetch.due(&wanted, NOW + 44.seconds()), []);
        assert_eq!(prefetch.due(&wanted, NOW + 46.seconds()), wanted);
        assert_eq!(prefetch.take(phone(1), Purpose::TapIn, NOW + 46.seconds()), None);
    }

    #[test]
    fn the_number_of_challenges_is_bounded() {
        let mut prefetch = Prefetch::default();
        let wanted: Vec<_> = (0..1000).map(|n| (phone(n), Purpose::TapIn)).collect();
        let due = prefetch.due(&wanted, NOW);
        assert_eq!(due.len(), MOST);
        for (phone, purpose) in &wanted {
            prefetch.keep(*phone, *purpose, challenge(1));
        }
        assert_eq!(prefetch.len(), MOST);
        assert_eq!(prefetch.due(&wanted, NOW), []);
        assert_eq!(prefetch.due(&wanted, NOW + 50.seconds()).len(), MOST);
    }

    #[test]
    fn a_refused_phone_is_left_in_peace_until_somebody_presses() {
        let mut prefetch = Prefetch::default();
        let wanted = [(phone(1), Purpose::TapIn)];
        prefetch.refused(phone(1), Purpose::TapIn, NOW);
        assert_eq!(prefetch.due(&wanted, NOW + 1.minutes()), []);
        assert_eq!(prefetch.due(&wanted, NOW + 6.minutes()), wanted);
        prefetch.refused(phone(1), Purpose::TapIn, NOW);
        prefetch.take(phone(1), Purpose::TapIn, NOW);
        assert_eq!(prefetch.due(&wanted, NOW), wanted);
    }

    #[test]
    fn of_many_refusals_the_oldest_is_forgotten() {
        let mut prefetch = Prefetch::default();
        for (n, millis) in (0..=MOST).zip(0_i64..) {
            prefetch.refused(phone(n), Purpose::TapIn, NOW + millis.milliseconds());
        }
        let later = NOW + 1.second();
        let wanted: Vec<_> = (0..=MOST).map(|n| (phone(n), Purpose::TapIn)).collect();
        assert_eq!(prefetch.due(&wanted, later), wanted[..1]);
        assert_eq!(prefetch.refused.len(), MOST);
    }
}
