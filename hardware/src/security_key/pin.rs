//! PIN/UV auth protocols one and two (CTAP 2.1 §6.5.6, §6.5.7): nobody who listens on the wire learns the PIN.
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{self, HKDF_SHA256};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use super::SecurityKeyError;

const BLOCK: usize = 16;

/// Which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// For keys of CTAP 2.0.
    One,
    /// For newer ones.
    Two,
}

/// What both sides know, and nobody else.
pub(super) struct Shared {
    protocol: Protocol,
    aes: Zeroizing<[u8; 32]>,
}

impl Protocol {
    /// The number of the protocol.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The better one of those that the key knows.
    pub(super) fn choose(known: &[u64]) -> Option<Self> {
        match (known.contains(&2), known.contains(&1)) {
            (true, _) => Some(Self::Two),
            (false, true) => Some(Self::One),
            (false, false) => None,
        }
    }

    /// Proves that whoever sends `message` has the token.
    pub(super) fn authenticate(self, token: &[u8], message: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, token);
        let tag = hmac::sign(&key, message);
        let length = if self == Self::One { 16 } else { 32 };
        tag.as_ref()[..length].to_vec()
    }
}

impl Shared {
    /// Agrees with the peer, whose public key is an uncompressed point; answers our own point as well.
    pub(super) fn agree(
        protocol: Protocol,
        peer: &[u8; 65],
    ) -> Result<(Self, [u8; 65]), SecurityKeyError> {
        let failed = |_| SecurityKeyError::Protocol("no key agreement");
        let own = PrivateKey::generate(&ECDH_P256).map_err(failed)?;
        let shared = Self::with(protocol, &own, peer)?;
        let point = own.compute_public_key().map_err(failed)?;
        let point = point.as_ref().try_into();
        Ok((shared, point.map_err(|_| SecurityKeyError::Protocol("no key agreement"))?))
    }

    /// The same, with a key that is there already.
    pub(super) fn with(
        protocol: Protocol,
        own: &PrivateKey,
        peer: &[u8; 65],
    ) -> Result<Self, SecurityKeyError> {
        let peer = UnparsedPublicKey::new(&ECDH_P256, peer.as_slice());
        let failed = SecurityKeyError::Protocol("no key agreement");
        agreement::agree(own, peer, failed, |z| Ok(Self::derive(protocol, z)))
    }

    fn derive(protocol: Protocol, z: &[u8]) -> Self {
        match protocol {
            Protocol::One => {
                let mut key = Zeroizing::new([0; 32]);
                key.copy_from_slice(digest(&SHA256, z).as_ref());
                Self { protocol, aes: key }
            }
            Protocol::Two => {
                let secret = hkdf::Salt::new(HKDF_SHA256, &[0; 32]).extract(z);
                let mut aes = Zeroizing::new([0; 32]);
                // 32 bytes of SHA-256 are never too many.
                if let Ok(okm) = secret.expand(&[b"CTAP2 AES key"], HKDF_SHA256) {
                    let _filled = okm.fill(aes.as_mut_slice());
                }
                Self { protocol, aes }
            }
        }
    }

    /// Encrypts whole blocks.
    pub(super) fn encrypt(&self, plain: &[u8]) -> Result<Vec<u8>, SecurityKeyError> {
        let mut before = [0; BLOCK];
        let mut sent = vec![];
        if self.protocol == Protocol::Two {
            let failed = |_| SecurityKeyError::Protocol("no random numbers");
            SystemRandom::new().fill(&mut before).map_err(failed)?;
            sent.extend_from_slice(&before);
        }
        let cipher = self.cipher();
        for block in blocks(plain)? {
            let mut mixed: [u8; BLOCK] = std::array::from_fn(|at| block[at] ^ before[at]);
            cipher.encrypt_block((&mut mixed).into());
            sent.extend_from_slice(&mixed);
            before = mixed;
        }
        Ok(sent)
    }

    /// Decrypts whole blocks.
    pub(super) fn decrypt(&self, sent: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecurityKeyError> {
        let wrong = SecurityKeyError::Protocol("a secret of a wrong length");
        let (mut before, sent) = match self.protocol {
            Protocol::One => ([0; BLOCK], sent),
            Protocol::Two => {
                let (first, rest) = sent.split_first_chunk::<BLOCK>().ok_or(wrong)?;
                (*first, rest)
            }
        };
        let cipher = self.cipher();
        let mut plain = Zeroizing::new(Vec::with_capacity(sent.len()));
        for block in blocks(sent)? {
            let mut mixed = *block;
            cipher.decrypt_block((&mut mixed).into());
            plain.extend(mixed.iter().zip(before).map(|(one, other)| one ^ other));
            before = *block;
        }
        Ok(plain)
    }

    fn cipher(&self) -> Aes256 {
        Aes256::new((&*self.aes).into())
    }
}

fn blocks(bytes: &[u8]) -> Result<impl Iterator<Item = &[u8; BLOCK]>, SecurityKeyError> {
    match bytes.as_chunks::<BLOCK>() {
        (blocks, []) if !blocks.is_empty() => Ok(blocks.iter()),
        _ => Err(SecurityKeyError::Protocol("a secret of a wrong length")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_read_what_the_other_wrote() {
        for protocol in [Protocol::One, Protocol::Two] {
            let device = PrivateKey::generate(&ECDH_P256).unwrap();
            let point: [u8; 65] = device.compute_public_key().unwrap().as_ref().try_into().unwrap();
            let (ours, point) = Shared::agree(protocol, &point).unwrap();
            let theirs = Shared::with(protocol, &device, &point).unwrap();
            let secret = [7; 32];
            let sent = ours.encrypt(&secret).unwrap();
            assert_eq!(sent.len(), if protocol == Protocol::One { 32 } else { 48 });
            assert_eq!(theirs.decrypt(&sent).unwrap().as_slice(), secret);
            for wrong in [&sent[..15], &sent[..0], &[sent.as_slice(), &[0]].concat()] {
                assert!(theirs.decrypt(wrong).is_err(), "{}", wrong.len());
            }
        }
    }

    #[test]
    fn a_point_that_is_not_on_the_curve_agrees_on_nothing() {
        assert!(Shared::agree(Protocol::One, &[4; 65]).is_err());
    }

    /// AES-256-CBC, NIST SP 800-38A F.2.5.
    #[test]
    fn blocks_are_chained_as_the_standard_shows() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
                .collect()
        };
        let key = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let aes = Zeroizing::new(<[u8; 32]>::try_from(key).unwrap());
        let shared = Shared { protocol: Protocol::Two, aes };
        let sent = hex("000102030405060708090a0b0c0d0e0ff58c4c04d6e5f1ba779eabfb5f7bfbd6\
            9cfc4e967edb808d679f777bc6702c7d");
        let plain = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        assert_eq!(shared.decrypt(&sent).unwrap().as_slice(), plain);
    }
}
