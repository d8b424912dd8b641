//! Private keys under the name of their log or witness.
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::key::{Algorithm, InvalidKey, VerifierKey};
use crate::note::SignError;

/// An Ed25519 key pair, and the verifier key that goes with it.
pub(crate) struct NamedKey {
    pair: Ed25519KeyPair,
    public: VerifierKey,
}

/// Why there is no key of a log or of a witness.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogKeyError {
    /// The random generator of the machine failed.
    #[error("no key could be generated")]
    Generate,
    /// The bytes are not an Ed25519 key in PKCS #8 (RFC 8410, RFC 5958).
    #[error("not an Ed25519 private key in PKCS #8")]
    Malformed,
    /// The key could not be written.
    #[error("the key could not be written")]
    Write,
    /// The origin of the log, or the name of the witness, cannot be the name of a key.
    #[error("the name cannot be that of a key")]
    Name(#[source] InvalidKey),
}

impl NamedKey {
    pub(crate) fn generate(name: &str, algorithm: Algorithm) -> Result<Self, LogKeyError> {
        Self::new(name, algorithm, Ed25519KeyPair::generate().map_err(|_| LogKeyError::Generate)?)
    }

    pub(crate) fn from_pkcs8(
        name: &str,
        algorithm: Algorithm,
        der: &[u8],
    ) -> Result<Self, LogKeyError> {
        Self::new(
            name,
            algorithm,
            Ed25519KeyPair::from_pkcs8(der).map_err(|_| LogKeyError::Malformed)?,
        )
    }

    fn new(name: &str, algorithm: Algorithm, pair: Ed25519KeyPair) -> Result<Self, LogKeyError> {
        let public = pair.public_key().as_ref().try_into().map_err(|_| LogKeyError::Malformed)?;
        let public = VerifierKey::new(name, algorithm, public).map_err(LogKeyError::Name)?;
        Ok(Self { pair, public })
    }

    pub(crate) fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, LogKeyError> {
        let der = self.pair.to_pkcs8().map_err(|_| LogKeyError::Write)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    pub(crate) const fn public(&self) -> &VerifierKey {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.pair.try_sign(message).map_err(|_| SignError)?;
        Ok(signature.as_ref().to_vec())
    }
}
