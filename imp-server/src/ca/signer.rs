//! A key of a file, as a [`Signer`].
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use imp_authenticator::{SignError, Signer};
use imp_pki::{Key, KeyError, PublicKey};

/// Signs with a key that was read from a file.
pub(super) struct FileSigner {
    pair: EcdsaKeyPair,
    public_key: PublicKey,
}

impl FileSigner {
    /// Signs with `key`.
    pub(super) fn new(key: &Key) -> Result<Self, KeyError> {
        let pkcs8 = key.pkcs8().expose();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map_err(|_| KeyError::Private)?;
        Ok(Self { pair, public_key: key.public_key().clone() })
    }
}

impl Signer for FileSigner {
    fn public_key(&self) -> &[u8] {
        self.public_key.as_spki()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        let signature = signature.map_err(|_| SignError::new("the generator failed"))?;
        signature.as_ref().try_into().map_err(|_| SignError::new("a signature of another length"))
    }
}
