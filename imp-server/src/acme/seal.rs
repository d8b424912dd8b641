//! Keys that bind accounts, at rest: AES-256-GCM under a key derived from one of the folder of keys. Who steals the database
//! without the folder can bind no account.
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use imp_identity::Secret;
use rand::CryptoRng;
use zeroize::Zeroizing;

/// Separates this use of the key from every other (RFC 5869 §3.2).
const LABEL: &[u8] = b"imp-server acme v1";

/// Seals and opens keys that bind accounts.
pub(crate) struct KeySealer(LessSafeKey);

/// A key cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum AcmeSealError {
    /// Somebody changed it, or the folder of keys is another one than when it was made.
    #[error(
        "the key that binds the account cannot be opened with the keys of this server: make a new one"
    )]
    Opened,
    /// It cannot be written.
    #[error("the key that binds accounts cannot be sealed")]
    Sealed,
}

impl KeySealer {
    /// Derives the key from a private key of the folder.
    pub(crate) fn derive(pkcs8: &Secret<Vec<u8>>) -> Result<Self, AcmeSealError> {
        let prk = Salt::new(HKDF_SHA256, LABEL).extract(pkcs8.expose());
        let mut key = Zeroizing::new([0; 32]);
        let okm = prk.expand(&[LABEL], HKDF_SHA256).map_err(|_| AcmeSealError::Sealed)?;
        okm.fill(key.as_mut_slice()).map_err(|_| AcmeSealError::Sealed)?;
        let key = UnboundKey::new(&AES_256_GCM, key.as_slice());
        Ok(Self(LessSafeKey::new(key.map_err(|_| AcmeSealError::Sealed)?)))
    }

    /// Nonce, ciphertext and tag; good for the key of that identifier only.
    pub(crate) fn seal(
        &self,
        id: &str,
        key: &Secret<Vec<u8>>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, AcmeSealError> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let mut text = Zeroizing::new(key.expose().clone());
        let unique = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(unique, Aad::from(id), text.as_mut_slice());
        let tag = tag.map_err(|_| AcmeSealError::Sealed)?;
        Ok([&nonce, text.as_slice(), tag.as_ref()].concat())
    }

    /// Opens what [`KeySealer::seal`] made for that identifier.
    pub(crate) fn open(&self, id: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, AcmeSealError> {
        let (nonce, sealed) =
            sealed.split_first_chunk::<NONCE_LEN>().ok_or(AcmeSealError::Opened)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self.0.open_in_place(nonce, Aad::from(id), sealed.as_mut_slice());
        text.map(|text| Secret::new(text.to_vec())).map_err(|_| AcmeSealError::Opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_open_only_by_their_name_and_only_unchanged() {
        let sealer = KeySealer::derive(&Secret::new(vec![1; 32])).unwrap();
        let key = Secret::new(b"private".to_vec());
        let mut kept = sealer.seal("a", &key, &mut crate::app::rng()).unwrap();
        assert!(!kept.windows(7).any(|window| window == b"private"));
        assert_eq!(sealer.open("a", &kept).unwrap().expose(), b"private");
        sealer.open("b", &kept).unwrap_err();
        KeySealer::derive(&Secret::new(vec![2; 32])).unwrap().open("a", &kept).unwrap_err();
        *kept.last_mut().unwrap() ^= 1;
        sealer.open("a", &kept).unwrap_err();
        sealer.open("a", &[]).unwrap_err();
    }
}
