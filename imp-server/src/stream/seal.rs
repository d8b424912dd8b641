//! Secrets of streams at rest: AES-256-GCM under a key derived from the key that signs tokens. Who steals the database
//! without the folder of keys learns none of them.
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use imp_identity::{Secret, StreamId};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::Target;

/// Separates this use of the key from every other (RFC 5869 §3.2).
const LABEL: &[u8] = b"imp-server streams v1";

/// Seals and opens what streams keep secret.
pub(crate) struct Sealer(LessSafeKey);

/// What is stored cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Somebody changed it, or the folder of keys is another one than when the stream was made.
    #[error(
        "the stream's settings cannot be opened with the keys of this server: make the stream again"
    )]
    Opened,
    /// It cannot be written.
    #[error("the stream's settings cannot be sealed")]
    Sealed,
}

impl Sealer {
    /// Derives the key from `pkcs8`, the private key of the folder.
    pub(crate) fn derive(pkcs8: &Secret<Vec<u8>>) -> Result<Self, SealError> {
        let prk = Salt::new(HKDF_SHA256, LABEL).extract(pkcs8.expose());
        let mut key = Zeroizing::new([0; 32]);
        let okm = prk.expand(&[LABEL], HKDF_SHA256).map_err(|_| SealError::Sealed)?;
        okm.fill(key.as_mut_slice()).map_err(|_| SealError::Sealed)?;
        let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| SealError::Sealed)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Nonce, ciphertext and tag; good for that stream only.
    pub(crate) fn seal(
        &self,
        stream: StreamId,
        target: &Target,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let text = serde_json::to_vec(target).map_err(|_| SealError::Sealed)?;
        let mut text = Zeroizing::new(text);
        let tag = self.0.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            aad(stream),
            text.as_mut_slice(),
        );
        let tag = tag.map_err(|_| SealError::Sealed)?;
        Ok([&nonce, text.as_slice(), tag.as_ref()].concat())
    }

    /// Opens what [`Sealer::seal`] made for that stream.
    pub(crate) fn open(&self, stream: StreamId, sealed: &[u8]) -> Result<Target, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Opened)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self.0.open_in_place(nonce, aad(stream), sealed.as_mut_slice());
        let text = text.map_err(|_| SealError::Opened)?;
        serde_json::from_slice(text).map_err(|_| SealError::Opened)
    }
}

/// Settings of one stream do not open as another's.
fn aad(stream: StreamId) -> Aad<[u8; 16]> {
    Aad::from(stream.into_bytes())
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_delivery::PushSettings;
    use uuid::Uuid;

    #[test]
    fn settings_open_only_for_their_stream_and_only_unchanged() {
        let sealer = Sealer::derive(&Secret::new(vec![1; 32])).unwrap();
        let (stream, other) = (Uuid::from_u128(1).into(), Uuid::from_u128(2).into());
        let target = Target::Push(PushSettings {
            endpoint: "https://siem.example/".parse().unwrap(),
            authorization: Some("Bearer s3cret".to_owned().into()),
            tls: imp_delivery::TlsSettings::default(),
        });
        let mut bytes = sealer.seal(stream, &target, &mut crate::app::rng()).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"s3cret"));
        let Target::Push(opened) = sealer.open(stream, &bytes).unwrap() else { panic!() };
        assert_eq!(opened.authorization.unwrap().expose(), "Bearer s3cret");
        sealer.open(other, &bytes).unwrap_err();
        let thief = Sealer::derive(&Secret::new(vec![2; 32])).unwrap();
        thief.open(stream, &bytes).unwrap_err();
        *bytes.last_mut().unwrap() ^= 1;
        sealer.open(stream, &bytes).unwrap_err();
        sealer.open(stream, &[]).unwrap_err();
    }
}
