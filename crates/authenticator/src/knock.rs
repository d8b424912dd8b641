//! The knock: before a phone shows its certificate, which names it, the caller proves that it knows the roster.
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use jiff::Timestamp;
use rand_core::CryptoRng;
use subtle::ConstantTimeEq as _;

use crate::identifier::{slot, slots_around};

/// Length of a knock in bytes: a nonce of 16, and a tag of 16.
pub const LENGTH: usize = 32;
/// Nonces remembered; older ones make room. Only who has the key can make more, and needs no replay.
const REMEMBERED: usize = 4096;

/// Makes a knock: nonce ‖ HMAC-SHA-256(key, "imp knock" ‖ slot ‖ nonce)\[..16\].
pub fn knock(key: &[u8; 32], now: Timestamp, rng: &mut impl CryptoRng) -> [u8; LENGTH] {
    let mut knock = [0; LENGTH];
    let (nonce, proof) = knock.split_at_mut(16);
    rng.fill_bytes(nonce);
    proof.copy_from_slice(&tag(key, slot(now), nonce));
    knock
}

fn tag(key: &[u8; 32], slot: u64, nonce: &[u8]) -> [u8; 16] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(b"imp knock");
    context.update(&slot.to_be_bytes());
    context.update(nonce);
    let mut tag = [0; 16];
    tag.copy_from_slice(&context.sign().as_ref()[..16]);
    tag
}

/// A nonce, and the slot in which it counts.
type Seen = (u64, [u8; 16]);

/// Decides whether a phone answers. Clones share the memory of nonces; keep one for as long as the key lives.
#[derive(Clone)]
pub struct KnockGate {
    key: [u8; 32],
    seen: Arc<Mutex<VecDeque<Seen>>>,
}

impl KnockGate {
    /// A gate for the phone's identifier key.
    pub fn new(identifier_key: [u8; 32]) -> Self {
        Self { key: identifier_key, seen: Arc::default() }
    }

    /// Whether `knock` was made with the key around `now` and was not shown before.
    pub(crate) fn admits(&self, knock: &[u8; LENGTH], now: Timestamp) -> bool {
        let (nonce, proof) = knock.split_at(16);
        let around = slots_around(now);
        let made_in = around.iter().find(|&&slot| tag(&self.key, slot, nonce).ct_eq(proof).into());
        let Some(&made_in) = made_in else { return false };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|(slot, _)| around.contains(slot));
        if seen.iter().any(|(_, known)| known == nonce) {
            return false;
        }
        if seen.len() == REMEMBERED {
            seen.pop_front();
        }
        let mut remembered = [0; 16];
        remembered.copy_from_slice(nonce);
        seen.push_back((made_in, remembered));
        true
    }
}

impl Drop for KnockGate {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}

impl std::fmt::Debug for KnockGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnockGate").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::now;
    use jiff::ToSpan as _;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    #[test]
    fn clones_share_their_memory_and_forget_with_time() {
        let mut rng = StdRng::seed_from_u64(1);
        let gate = KnockGate::new([1; 32]);
        let first = knock(&[1; 32], now(), &mut rng);
        assert!(gate.admits(&first, now()));
        assert!(!gate.clone().admits(&first, now()));
        let later = now() + 30.minutes();
        assert!(!gate.admits(&first, later), "too old by itself");
        assert!(gate.admits(&knock(&[1; 32], later, &mut rng), later));
        assert_eq!(gate.seen.lock().unwrap().len(), 1);
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut rng = StdRng::seed_from_u64(1);
        let gate = KnockGate::new([1; 32]);
        for _ in 0..REMEMBERED + 10 {
            assert!(gate.admits(&knock(&[1; 32], now(), &mut rng), now()));
        }
        assert_eq!(gate.seen.lock().unwrap().len(), REMEMBERED);
    }

    #[test]
    fn every_bit_of_a_knock_counts() {
        let gate = KnockGate::new([1; 32]);
        let good = knock(&[1; 32], now(), &mut StdRng::seed_from_u64(1));
        for bit in 0..8 * LENGTH {
            let mut knock = good;
            knock[bit / 8] ^= 1 << (bit % 8);
            assert!(!gate.admits(&knock, now()), "{bit}");
        }
        assert!(gate.admits(&good, now()));
    }
}
