//! Nonces (RFC 8555 §6.5), each of which is taken once. They are numbered and signed, and of the last million it is remembered
//! in a bit each which were taken: whoever asks for nonces makes nobody remember more. They are good where they were given:
//! after a restart, or at another replica, a client is told so and takes the nonce that comes with the refusal.
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use rand_core::CryptoRng;

use super::{ProblemType, Refused};

/// How many nonces count at a time.
const WINDOW: u64 = 1 << 20;
/// How much of the signature a nonce carries, in bytes.
const TAG: usize = 16;

/// Gives nonces and takes them.
#[derive(Debug)]
pub struct Nonces {
    key: hmac::Key,
    /// How many were given.
    given: u64,
    /// A bit for each of the last [`WINDOW`]: taken.
    taken: Vec<u64>,
}

/// The nonce does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NonceError {
    /// It was not given here.
    #[error("the nonce was not given by this server since it started")]
    Unknown,
    /// It was given too long ago.
    #[error("the nonce was given too long ago")]
    Old,
    /// Somebody took it.
    #[error("the nonce was used before")]
    Replayed,
}

impl Refused for NonceError {
    fn kind(&self) -> ProblemType {
        ProblemType::BadNonce
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Unknown => "nonce-unknown",
            Self::Old => "nonce-old",
            Self::Replayed => "nonce-replayed",
        }
    }
}

impl Nonces {
    /// Begins, with a key that nobody else has.
    pub fn new(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        let words = usize::try_from(WINDOW / 64).unwrap_or_default();
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key), given: 0, taken: vec![0; words] }
    }

    /// A nonce that nobody was given before.
    pub fn give(&mut self) -> String {
        let number = self.given;
        self.given += 1;
        if let Some((word, bit)) = self.slot(number) {
            *word &= !bit;
        }
        let tag = hmac::sign(&self.key, &number.to_be_bytes());
        let tag = tag.as_ref().get(..TAG).unwrap_or_default();
        BASE64URL_NOPAD.encode(&[&number.to_be_bytes(), tag].concat())
    }

    /// Takes a nonce, which then counts no longer.
    pub fn take(&mut self, nonce: &str) -> Result<(), NonceError> {
        let bytes = BASE64URL_NOPAD.decode(nonce.as_bytes()).map_err(|_| NonceError::Unknown)?;
        let (number, tag) = bytes.split_first_chunk::<8>().ok_or(NonceError::Unknown)?;
        let ours = hmac::sign(&self.key, number);
        let ours = ours.as_ref().get(..TAG).unwrap_or_default();
        if aws_lc_rs::constant_time::verify_slices_are_equal(ours, tag).is_err() {
            return Err(NonceError::Unknown);
        }
        let number = u64::from_be_bytes(*number);
        if self.given - number.min(self.given) > WINDOW {
            return Err(NonceError::Old);
        }
        let (word, bit) = self.slot(number).ok_or(NonceError::Unknown)?;
        if *word & bit != 0 {
            return Err(NonceError::Replayed);
        }
        *word |= bit;
        Ok(())
    }

    fn slot(&mut self, number: u64) -> Option<(&mut u64, u64)> {
        let at = number % WINDOW;
        let word = self.taken.get_mut(usize::try_from(at / 64).ok()?)?;
        Some((word, 1 << (at % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::rng;
    use super::*;

    #[test]
    fn a_nonce_is_taken_once() {
        let mut nonces = Nonces::new(&mut rng());
        let (one, two) = (nonces.give(), nonces.give());
        assert_eq!(nonces.take(&two), Ok(()));
        assert_eq!(nonces.take(&two), Err(NonceError::Replayed));
        assert_eq!(nonces.take(&one), Ok(()));
        assert_eq!(nonces.take(&one), Err(NonceError::Replayed));
    }

    #[test]
    fn nonces_of_others_and_made_up_ones_are_refused() {
        let (mut here, mut there) = (Nonces::new(&mut rng()), Nonces::new(&mut rng()));
        let nonce = there.give();
        for made_up in [nonce.as_str(), "", "!", "AAAAAAAAAAA", &"A".repeat(32)] {
            assert_eq!(here.take(made_up), Err(NonceError::Unknown), "{made_up}");
        }
    }

    #[test]
    fn an_old_nonce_counts_no_longer_and_its_slot_is_clean() {
        let mut nonces = Nonces::new(&mut rng());
        let first = nonces.give();
        let second = nonces.give();
        nonces.take(&second).unwrap();
        for _ in 0..WINDOW - 1 {
            nonces.give();
        }
        assert_eq!(nonces.take(&first), Err(NonceError::Old));
        let fresh = nonces.give();
        assert_eq!(nonces.take(&fresh), Ok(()));
    }
}
