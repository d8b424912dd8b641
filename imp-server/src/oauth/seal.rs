//! Private keys at rest: AES-256-GCM under a key derived from one of the folder of keys, which every replica has. Who steals
//! the database without the folder learns none of them.
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac;
use imp_identity::Secret;
use imp_oauth::dpop::NonceKey;
use imp_oauth::subject::PairwiseKey;
use rand::CryptoRng;
use zeroize::Zeroizing;

/// Separates these uses of the key from every other (RFC 5869 §3.2).
const LABEL: &[u8] = b"imp-server openid v1";

/// Seals and opens private keys.
pub(super) struct KeySealer(LessSafeKey);

/// A key cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealKeyError {
    /// Somebody changed it, or the folder of keys is another one than when it was made.
    #[error(
        "a signing key cannot be opened with the keys of this server: run `imp-server key rotate --now`"
    )]
    Opened,
    /// It cannot be written.
    #[error("a signing key cannot be sealed")]
    Sealed,
}

/// What is derived from the folder's key.
fn derive(prk: &Prk, use_of: &'static [u8]) -> Result<Secret<[u8; 32]>, SealKeyError> {
    let mut key = Zeroizing::new([0; 32]);
    let info = [use_of];
    let okm = prk.expand(&info, HKDF_SHA256).map_err(|_| SealKeyError::Sealed)?;
    okm.fill(key.as_mut_slice()).map_err(|_| SealKeyError::Sealed)?;
    Ok(Secret::new(*key))
}

/// What is derived from a private key of the folder.
pub(super) struct Derived {
    /// Seals keys that sign tokens.
    pub(super) sealer: KeySealer,
    /// Makes `DPoP` nonces.
    pub(super) nonces: NonceKey,
    /// Makes pairwise subjects.
    pub(super) subjects: PairwiseKey,
    /// Confirms that a page of ours asked.
    pub(super) confirmations: hmac::Key,
}

/// Derives everything from `pkcs8`, a private key of the folder.
pub(super) fn derive_all(pkcs8: &Secret<Vec<u8>>) -> Result<Derived, SealKeyError> {
    let prk = Salt::new(HKDF_SHA256, LABEL).extract(pkcs8.expose());
    let key = derive(&prk, b"signing keys")?;
    let key = UnboundKey::new(&AES_256_GCM, key.expose()).map_err(|_| SealKeyError::Sealed)?;
    let nonces = NonceKey::new(&derive(&prk, b"dpop nonces")?);
    let subjects = PairwiseKey::new(&derive(&prk, b"pairwise subjects")?);
    let confirmations = derive(&prk, b"confirmations")?;
    let confirmations = hmac::Key::new(hmac::HMAC_SHA256, confirmations.expose());
    Ok(Derived { sealer: KeySealer(LessSafeKey::new(key)), nonces, subjects, confirmations })
}

impl KeySealer {
    /// Nonce, ciphertext and tag; good for the key of that identifier only.
    pub(super) fn seal(
        &self,
        id: &str,
        key: &Secret<Vec<u8>>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SealKeyError> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let mut text = Zeroizing::new(key.expose().clone());
        let unique = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(unique, Aad::from(id), text.as_mut_slice());
        let tag = tag.map_err(|_| SealKeyError::Sealed)?;
        Ok([&nonce, text.as_slice(), tag.as_ref()].concat())
    }

    /// Opens what [`KeySealer::seal`] made for that identifier.
    pub(super) fn open(&self, id: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, SealKeyError> {
        let (nonce, sealed) =
            sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealKeyError::Opened)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self.0.open_in_place(nonce, Aad::from(id), sealed.as_mut_slice());
        text.map(|text| Secret::new(text.to_vec())).map_err(|_| SealKeyError::Opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_open_only_by_their_name_and_only_unchanged() {
        let folder = Secret::new(vec![1; 32]);
        let sealer = derive_all(&folder).unwrap().sealer;
        let key = Secret::new(b"private".to_vec());
        let mut kept = sealer.seal("a", &key, &mut crate::app::rng()).unwrap();
        assert!(!kept.windows(7).any(|window| window == b"private"));
        assert_eq!(sealer.open("a", &kept).unwrap().expose(), b"private");
        sealer.open("b", &kept).unwrap_err();
        let thief = derive_all(&Secret::new(vec![2; 32])).unwrap().sealer;
        thief.open("a", &kept).unwrap_err();
        *kept.last_mut().unwrap() ^= 1;
        sealer.open("a", &kept).unwrap_err();
        sealer.open("a", &[]).unwrap_err();
    }
}
