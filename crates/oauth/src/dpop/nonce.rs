//! Nonces that a server recognises without having kept them (RFC 9449 §8).
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use imp_identity::Secret;
use jiff::Timestamp;

/// For how many seconds a nonce is given out; it is accepted for as long again.
const SLOT_SECONDS: i64 = 120;

/// The key of the server's nonces.
#[derive(Debug)]
pub struct NonceKey(hmac::Key);

impl NonceKey {
    /// Takes 32 random bytes. Several servers behind one name need the same.
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    /// What `DPoP-Nonce` says now.
    pub fn nonce(&self, now: Timestamp) -> String {
        BASE64URL_NOPAD.encode(self.tag(slot(now)).as_ref())
    }

    /// Whether a nonce was given out in this or the last two minutes. Constant time.
    pub fn accepts(&self, nonce: &str, now: Timestamp) -> bool {
        let Ok(tag) = BASE64URL_NOPAD.decode(nonce.as_bytes()) else { return false };
        let of_slot = |slot: i64| hmac::verify(&self.0, &message(slot), &tag).is_ok();
        of_slot(slot(now)) || of_slot(slot(now) - 1)
    }

    fn tag(&self, slot: i64) -> hmac::Tag {
        hmac::sign(&self.0, &message(slot))
    }
}

fn slot(at: Timestamp) -> i64 {
    at.as_second().div_euclid(SLOT_SECONDS)
}

fn message(slot: i64) -> Vec<u8> {
    [b"imp dpop nonce\0".as_slice(), &slot.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_nonce_is_accepted_for_two_to_four_minutes() {
        let key = NonceKey::new(&Secret::new([7; 32]));
        let now = Timestamp::UNIX_EPOCH;
        let nonce = key.nonce(now);
        assert!(key.accepts(&nonce, now + SignedDuration::from_secs(239)));
        assert!(!key.accepts(&nonce, now + SignedDuration::from_secs(240)));
        assert!(!key.accepts(&nonce, now - SignedDuration::from_secs(1)));
        assert!(!key.accepts("", now) && !key.accepts("!", now));
        assert!(!NonceKey::new(&Secret::new([8; 32])).accepts(&nonce, now));
    }
}
