//! The key with which a log signs its checkpoints.
use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::key::{Algorithm, InvalidKey, VerifierKey};
use crate::note::{NoteSigner, SignError};

/// An Ed25519 key (RFC 8032) under the name of its log. What it prints shows the public part only.
pub struct LogKey {
    pair: Ed25519KeyPair,
    public: VerifierKey,
}

/// Why there is no log key.
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
    /// The origin cannot be the name of a key.
    #[error("the origin of the log cannot name a key")]
    Origin(#[source] InvalidKey),
}

impl LogKey {
    /// A fresh key for the log with this origin.
    pub fn generate(origin: &str) -> Result<Self, LogKeyError> {
        Self::new(origin, Ed25519KeyPair::generate().map_err(|_| LogKeyError::Generate)?)
    }

    /// The key of the log with this origin, from PKCS #8 DER.
    pub fn from_pkcs8(origin: &str, der: &[u8]) -> Result<Self, LogKeyError> {
        Self::new(origin, Ed25519KeyPair::from_pkcs8(der).map_err(|_| LogKeyError::Malformed)?)
    }

    fn new(origin: &str, pair: Ed25519KeyPair) -> Result<Self, LogKeyError> {
        let public = pair.public_key().as_ref().try_into().map_err(|_| LogKeyError::Malformed)?;
        let public = VerifierKey::new(origin, Algorithm::Ed25519, public);
        Ok(Self { pair, public: public.map_err(LogKeyError::Origin)? })
    }

    /// The key as PKCS #8 DER, version 2 with the public key.
    pub fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, LogKeyError> {
        let der = self.pair.to_pkcs8().map_err(|_| LogKeyError::Write)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// The public key, as it is given to whoever verifies the log.
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }
}

impl NoteSigner for LogKey {
    fn key(&self) -> &VerifierKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.pair.try_sign(message).map_err(|_| SignError)?;
        Ok(signature.as_ref().to_vec())
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_key_signs_as_before() {
        let key = LogKey::generate("ward.example/log").unwrap();
        let again = LogKey::from_pkcs8("ward.example/log", &key.pkcs8().unwrap()).unwrap();
        assert_eq!(again.verifier_key(), key.verifier_key());
        let signature = again.sign(b"text\n").unwrap();
        assert_eq!(signature, key.sign(b"text\n").unwrap());
        assert_eq!(key.verifier_key().verify("text\n", &signature), Ok(None));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = LogKey::generate("ward.example/log").unwrap();
        let cut = &key.pkcs8().unwrap()[1..];
        let error = |origin, der: &[u8]| LogKey::from_pkcs8(origin, der).unwrap_err();
        assert_eq!(error("a", cut), LogKeyError::Malformed);
        let der = key.pkcs8().unwrap();
        assert_eq!(error("a b", &der), LogKeyError::Origin(InvalidKey::Name));
    }

    #[test]
    fn the_private_part_is_not_printed() {
        let key = LogKey::generate("ward.example/log").unwrap();
        assert_eq!(format!("{key:?}"), format!("LogKey({})", key.verifier_key()));
    }
}
