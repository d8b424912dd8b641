//! The key of one enrolment, and what is derived from it.
use aws_lc_rs::hmac;
use rand_core::CryptoRng;
use zeroize::{Zeroize as _, Zeroizing};

/// Names this use of the key, and this version of it.
const LABEL: &[u8] = b"imp face template 2";
/// Bytes of one round of the derivation.
const BLOCK: usize = 32;

/// The secret half of a protected template (ISO/IEC 24745, auxiliary data): 32 bytes that print as `[redacted]`, lie on the
/// heap only and are wiped on drop. Each enrolment draws a fresh one.
pub struct TemplateKey(Box<[u8; 32]>);

/// What a part of the derived bytes is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Use {
    /// To say in the template which key belongs to it.
    Commitment,
    /// To rotate the bare part.
    Bare,
    /// To rotate the masked part.
    Masked,
    /// To hide the spreads of both parts.
    Spread,
}

impl TemplateKey {
    /// A fresh one.
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Box::new([0; 32]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The bytes. Search for this name when auditing.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// `length` bytes for one use: the key derivation function in counter mode of NIST SP 800-108r1 §4.1 with
    /// HMAC-SHA-256, a counter and a length of 32 bits each, [`LABEL`], and the use as one byte of context.
    pub(super) fn derive(&self, purpose: Use, length: usize) -> Zeroizing<Vec<u8>> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let context = match purpose {
            Use::Commitment => 0u8,
            Use::Bare => 1,
            Use::Masked => 2,
            Use::Spread => 3,
        };
        let bits = (length * 8) as u32;
        let mut bytes = Zeroizing::new(vec![0; length]);
        for (block, counter) in bytes.chunks_mut(BLOCK).zip(1u32..) {
            let mut mac = hmac::Context::with_key(&key);
            for part in [&counter.to_be_bytes()[..], LABEL, &[0], &[context], &bits.to_be_bytes()] {
                mac.update(part);
            }
            block.copy_from_slice(&mac.sign().as_ref()[..block.len()]);
        }
        bytes
    }
}

impl From<&[u8; 32]> for TemplateKey {
    fn from(bytes: &[u8; 32]) -> Self {
        let mut kept = Box::new([0; 32]);
        kept.copy_from_slice(bytes);
        Self(kept)
    }
}

impl Clone for TemplateKey {
    fn clone(&self) -> Self {
        Self::from(self.expose())
    }
}

impl Drop for TemplateKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for TemplateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn the_derivation_is_the_one_that_is_documented() {
        // Computed with Python's hmac: HMAC-SHA-256(00…1f, counter ‖ label ‖ 00 ‖ use ‖ 00000140).
        let key = TemplateKey::from(&std::array::from_fn(|i| i as u8));
        let mut hex = String::new();
        for byte in &*key.derive(Use::Bare, 40) {
            write!(hex, "{byte:02x}").unwrap();
        }
        assert_eq!(
            hex,
            "2c1a28425462403ba5d34fcae7d1662387a02f7f8ad9ac2b662b554f6b837934a49f10744fe0aa47"
        );
    }

    #[test]
    fn uses_have_nothing_in_common() {
        let key = TemplateKey::from(&[7; 32]);
        assert_ne!(key.derive(Use::Bare, 32), key.derive(Use::Masked, 32));
        assert_ne!(key.derive(Use::Bare, 32), key.derive(Use::Commitment, 32));
        assert_ne!(key.derive(Use::Bare, 32), TemplateKey::from(&[8; 32]).derive(Use::Bare, 32));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", TemplateKey::from(&[7; 32])), "[redacted]");
    }
}
