//! Keys that the phone's hardware keeps: Android's `StrongBox` and trusted environment, Apple's Secure Enclave.
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use imp_authenticator::{SignError, Signer};
use imp_hardware::keystore as core;
use imp_identity::Secret;

/// DER of a P-256 `SubjectPublicKeyInfo` up to the point's 65 bytes (RFC 5480 §2.1.1).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of such a key.
const SPKI: usize = 91;
/// Bytes of each half of a signature.
const HALF: usize = 32;

/// Keeps keys, and never gives a private one away. A label (1 to 64 lower-case letters, digits and hyphens) names a P-256 key
/// that signs and, apart from it, an AES-256 key that seals.
#[uniffi::export(with_foreign)]
pub trait Keystore: Send + Sync {
    /// Makes a P-256 key that signs, and returns its public half (`SubjectPublicKeyInfo`, DER). Refused with `Exists` where there is
    /// one of this label.
    fn create(&self, label: String) -> Result<Vec<u8>, KeystoreError>;

    /// The public half of the key that signs, if there is one.
    fn public_key(&self, label: String) -> Result<Option<Vec<u8>>, KeystoreError>;

    /// Signs with ECDSA over SHA-256 of `message`: an `ECDSA-Sig-Value` in DER, as `SHA256withECDSA` of Java and
    /// `ecdsaSignatureMessageX962SHA256` of Apple give.
    fn sign(&self, label: String, message: Vec<u8>) -> Result<Vec<u8>, KeystoreError>;

    /// Encrypts under the AES key of `label`, which is made if absent, with AES-256-GCM and a nonce of its own. `associated_data` is
    /// authenticated and not stored.
    fn seal(
        &self,
        label: String,
        associated_data: Vec<u8>,
        plaintext: Vec<u8>,
    ) -> Result<Vec<u8>, KeystoreError>;

    /// Decrypts what `seal` returned for the same label and associated data; anything else is refused with `Unsealing`.
    fn unseal(
        &self,
        label: String,
        associated_data: Vec<u8>,
        sealed: Vec<u8>,
    ) -> Result<Vec<u8>, KeystoreError>;

    /// Destroys both keys of `label`; what was sealed can never be read again. No error where there are none.
    fn delete(&self, label: String) -> Result<(), KeystoreError>;

    /// What the hardware says about the key that signs: certificates in DER, the key's own first. Empty where it says nothing.
    fn attestation(&self, label: String) -> Result<Vec<Vec<u8>>, KeystoreError>;
}

/// Why the app's keystore did not do it.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum KeystoreError {
    /// There is a key of that label.
    #[error("there is a key of that label")]
    Exists,
    /// There is none of that label.
    #[error("there is no key of that label")]
    Missing,
    /// What was to be opened was changed, or belongs elsewhere.
    #[error("the sealed data is damaged, or belongs elsewhere")]
    Unsealing,
    /// The owner has to unlock the phone first.
    #[error("the phone is locked")]
    Locked,
    /// Anything else.
    #[error("the keystore failed: {reason}")]
    Failed {
        /// What the system said; no key material.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for KeystoreError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { reason: error.reason }
    }
}

/// The app's keystore, as the phone uses keystores.
pub(crate) struct Keys(pub(crate) Arc<dyn Keystore>);

impl Keys {
    fn signer(
        &self,
        label: &str,
        public_key: Vec<u8>,
    ) -> Result<Arc<dyn Signer>, core::KeystoreError> {
        let is_p256 = public_key.len() == SPKI
            && public_key.starts_with(&SPKI_PREFIX)
            && public_key[SPKI_PREFIX.len()] == 4;
        if !is_p256 {
            let cause = "what the keystore calls a key is no P-256 key".into();
            return Err(core::KeystoreError::Failed("use the key", Some(cause)));
        }
        Ok(Arc::new(HardwareKey {
            keystore: Arc::clone(&self.0),
            label: label.to_owned(),
            public_key,
        }))
    }
}

impl core::Keystore for Keys {
    fn create(&self, label: &str) -> Result<Arc<dyn Signer>, core::KeystoreError> {
        let public_key = self.0.create(label.to_owned()).map_err(said(label, "make a key"))?;
        self.signer(label, public_key)
    }

    fn load(&self, label: &str) -> Result<Option<Arc<dyn Signer>>, core::KeystoreError> {
        let found = self.0.public_key(label.to_owned()).map_err(said(label, "find a key"))?;
        found.map(|public_key| self.signer(label, public_key)).transpose()
    }

    fn seal(
        &self,
        label: &str,
        associated_data: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, core::KeystoreError> {
        if plaintext.len() > core::PLAINTEXT_MAX {
            return Err(core::KeystoreError::TooLarge(plaintext.len()));
        }
        self.0
            .seal(label.to_owned(), associated_data.to_vec(), plaintext.to_vec())
            .map_err(said(label, "seal"))
    }

    fn unseal(
        &self,
        label: &str,
        associated_data: &[u8],
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, core::KeystoreError> {
        self.0
            .unseal(label.to_owned(), associated_data.to_vec(), sealed.to_vec())
            .map(Secret::new)
            .map_err(said(label, "open what is sealed"))
    }

    fn delete(&self, label: &str) -> Result<(), core::KeystoreError> {
        self.0.delete(label.to_owned()).map_err(said(label, "delete a key"))
    }
}

/// What the app's keystore said, as keystores of the phone say it.
fn said(label: &str, what: &'static str) -> impl FnOnce(KeystoreError) -> core::KeystoreError {
    let label = label.to_owned();
    move |error| match error {
        KeystoreError::Exists => core::KeystoreError::Exists(label),
        KeystoreError::Missing => core::KeystoreError::Missing(label),
        KeystoreError::Unsealing => core::KeystoreError::Unsealing,
        KeystoreError::Locked | KeystoreError::Failed { .. } => {
            core::KeystoreError::Failed(what, Some(error.into()))
        }
    }
}

/// A key of the app's keystore.
struct HardwareKey {
    keystore: Arc<dyn Keystore>,
    label: String,
    public_key: Vec<u8>,
}

impl Signer for HardwareKey {
    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature =
            self.keystore.sign(self.label.clone(), message.to_vec()).map_err(SignError::new)?;
        let fixed = fixed_signature(&signature)
            .ok_or_else(|| SignError::new("the keystore's signature is not an ECDSA-Sig-Value"))?;
        // A keystore that signs something else is found out here, and not by a workstation that calls the phone a forger.
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.public_key[SPKI_PREFIX.len()..])
            .verify(message, &signature)
            .map_err(|_| SignError::new("the keystore's signature is not that of its key"))?;
        Ok(fixed)
    }
}

/// r‖s of an `ECDSA-Sig-Value` (RFC 5480 appendix A) in DER.
pub(crate) fn fixed_signature(der: &[u8]) -> Option<[u8; 2 * HALF]> {
    let (&[0x30, length], rest) = der.split_first_chunk()? else { return None };
    if usize::from(length) != rest.len() {
        return None;
    }
    let mut fixed = [0; 2 * HALF];
    let (r, s) = fixed.split_at_mut(HALF);
    let rest = integer(rest, r)?;
    integer(rest, s)?.is_empty().then_some(fixed)
}

/// Reads a positive INTEGER into `half`, right-aligned, and returns what follows.
fn integer<'a>(der: &'a [u8], half: &mut [u8]) -> Option<&'a [u8]> {
    let (&[2, length], rest) = der.split_first_chunk()? else { return None };
    let (value, rest) = rest.split_at_checked(usize::from(length))?;
    let value = match value {
        // A zero in front says that the number is positive, and is there only where it is needed.
        [0, more @ ..] if more.first().is_some_and(|first| *first >= 0x80) => more,
        [first, ..] if (1..0x80).contains(first) => value,
        _ => return None,
    };
    let start = HALF.checked_sub(value.len())?;
    half[start..].copy_from_slice(value);
    Some(rest)
}
