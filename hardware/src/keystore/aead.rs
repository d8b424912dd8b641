//! AES-256-GCM (NIST SP 800-38D) with a random nonce, and random keys for it.
use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use imp_identity::Secret;
use zeroize::Zeroizing;

use super::{KeystoreError, PLAINTEXT_MAX};

/// The only format there is; it comes first.
const FORMAT: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
const HEADER: usize = 1 + NONCE;

/// An AES-256 key, wiped on drop. Random nonces limit it to 2³² sealings (SP 800-38D, §8.3).
pub(super) struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    /// A new key from the system's generator.
    pub(super) fn generate() -> Result<Self, KeystoreError> {
        let mut key = Zeroizing::new([0; 32]);
        fill(&mut *key)?;
        Ok(Self(key))
    }

    /// A key that was made elsewhere; `None` unless it has 32 bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// The key itself, to be wrapped.
    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Format, nonce, ciphertext and tag.
    pub(super) fn seal(
        &self,
        associated_data: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, KeystoreError> {
        if plaintext.len() > PLAINTEXT_MAX {
            return Err(KeystoreError::TooLarge(plaintext.len()));
        }
        let mut nonce = [0; NONCE];
        fill(&mut nonce)?;
        // The buffer must not grow while it holds plaintext: that would leave a copy behind.
        let mut buffer = Vec::with_capacity(plaintext.len() + TAG);
        buffer.extend_from_slice(plaintext);
        self.cipher()
            .encrypt_in_place(&Nonce::from(nonce), associated_data, &mut buffer)
            .map_err(|_| KeystoreError::Failed("encrypt", None))?;
        Ok([&[FORMAT], nonce.as_slice(), &buffer].concat())
    }

    /// Reads [`Self::seal`].
    pub(super) fn unseal(
        &self,
        associated_data: &[u8],
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, KeystoreError> {
        if sealed.len() < HEADER + TAG || sealed[0] != FORMAT {
            return Err(KeystoreError::Unsealing);
        }
        if sealed.len() > HEADER + PLAINTEXT_MAX + TAG {
            return Err(KeystoreError::TooLarge(sealed.len()));
        }
        let nonce: [u8; NONCE] =
            sealed[1..HEADER].try_into().map_err(|_| KeystoreError::Unsealing)?;
        let mut buffer = Zeroizing::new(sealed[HEADER..].to_vec());
        self.cipher()
            .decrypt_in_place(&Nonce::from(nonce), associated_data, &mut *buffer)
            .map_err(|_| KeystoreError::Unsealing)?;
        Ok(Secret::new(std::mem::take(&mut *buffer)))
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*self.0))
    }
}

/// Fills `bytes` from the system's generator. A keystore is where machine keys are born, so it takes no generator.
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), KeystoreError> {
    SystemRandom::new().fill(bytes).map_err(|_| KeystoreError::Failed("draw random bytes", None))
}
