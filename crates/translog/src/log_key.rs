//! The key with which a log signs its checkpoints.
use std::fmt;

use zeroize::Zeroizing;

use crate::key::{Algorithm, VerifierKey};
use crate::named_key::{LogKeyError, NamedKey};
use crate::note::{NoteSigner, SignError};

/// An Ed25519 key (RFC 8032) under the name of its log. What it prints shows the public part only.
pub struct LogKey(NamedKey);

impl LogKey {
    /// A fresh key for the log with this origin.
    pub fn generate(origin: &str) -> Result<Self, LogKeyError> {
        NamedKey::generate(origin, Algorithm::Ed25519).map(Self)
    }

    /// The key of the log with this origin, from PKCS #8 DER.
    pub fn from_pkcs8(origin: &str, der: &[u8]) -> Result<Self, LogKeyError> {
        NamedKey::from_pkcs8(origin, Algorithm::Ed25519, der).map(Self)
    }

    /// The key as PKCS #8 DER, version 2 with the public key.
    pub fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, LogKeyError> {
        self.0.pkcs8()
    }

    /// The public key, as it is given to whoever verifies the log.
    pub const fn verifier_key(&self) -> &VerifierKey {
        self.0.public()
    }
}

impl NoteSigner for LogKey {
    fn key(&self) -> &VerifierKey {
        self.0.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0.sign(message)
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({})", self.0.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::InvalidKey;

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
        assert_eq!(error("a b", &der), LogKeyError::Name(InvalidKey::Name));
    }

    #[test]
    fn the_private_part_is_not_printed() {
        let key = LogKey::generate("ward.example/log").unwrap();
        assert_eq!(format!("{key:?}"), format!("LogKey({})", key.verifier_key()));
    }
}
