//! P-256 keys (FIPS 186-5): the one kind that every phone's and every workstation's hardware can keep.
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use imp_identity::Secret;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _};
use rustls_pki_types::PrivatePkcs8KeyDer;
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;

/// A private key of an authority or of a server. Printed as `[redacted]`, wiped on drop.
#[derive(Clone, Debug)]
pub struct Key {
    pkcs8: Secret<Vec<u8>>,
    public: PublicKey,
}

/// A P-256 public key: a `SubjectPublicKeyInfo` in DER (RFC 5480), in its one canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

/// The bytes are not a key that can be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a private key.
    #[error("not a P-256 private key in PKCS#8")]
    Private,
    /// Not a public key, or one of another kind.
    #[error("not a P-256 public key")]
    Public,
    /// The generator failed.
    #[error("no key could be generated")]
    Generate,
}

impl Key {
    /// A new key from the cryptographic library's own generator.
    pub fn generate() -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        Self::from_pkcs8(pkcs8.map_err(|_| KeyError::Generate)?.as_ref().to_vec())
    }

    /// Reads PKCS#8 in DER (RFC 5958).
    pub fn from_pkcs8(der: Vec<u8>) -> Result<Self, KeyError> {
        let pkcs8 = Secret::new(der);
        let pair = pair(&pkcs8)?;
        let public = PublicKey::from_spki(&pair.subject_public_key_info())?;
        Ok(Self { pkcs8, public })
    }

    /// PKCS#8 in DER.
    pub fn pkcs8(&self) -> &Secret<Vec<u8>> {
        &self.pkcs8
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn pair(&self) -> Result<KeyPair, KeyError> {
        pair(&self.pkcs8)
    }
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo`; only an uncompressed P-256 point is accepted.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let (rest, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyError::Public)?;
        let curve = info.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
        let is_p256 = info.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY
            && curve.is_some_and(|curve| curve == OID_EC_P256);
        let point = info.subject_public_key.as_ref();
        if !rest.is_empty() || !is_p256 || point.len() != 65 || point.first() != Some(&4) {
            return Err(KeyError::Public);
        }
        let canonical = rcgen::SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyError::Public)?;
        if canonical.subject_public_key_info() != der {
            return Err(KeyError::Public);
        }
        Ok(Self(der.to_vec()))
    }

    /// The `SubjectPublicKeyInfo` in DER.
    pub fn as_spki(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn subject(&self) -> Result<rcgen::SubjectPublicKeyInfo, KeyError> {
        rcgen::SubjectPublicKeyInfo::from_der(&self.0).map_err(|_| KeyError::Public)
    }
}

fn pair(pkcs8: &Secret<Vec<u8>>) -> Result<KeyPair, KeyError> {
    let der = PrivatePkcs8KeyDer::from(pkcs8.expose().as_slice());
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256)
        .map_err(|_| KeyError::Private)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_stored_form() {
        let key = Key::generate().unwrap();
        let again = Key::from_pkcs8(key.pkcs8().expose().clone()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert!(format!("{key:?}").contains("pkcs8: [redacted]"));
    }

    #[test]
    fn only_p256_keys_are_read() {
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        assert_eq!(PublicKey::from_spki(&other.subject_public_key_info()), Err(KeyError::Public));
        assert!(matches!(Key::from_pkcs8(other.serialize_der()), Err(KeyError::Private)));
        let mut trailing = Key::generate().unwrap().public_key().as_spki().to_vec();
        trailing.push(0);
        for wrong in [&trailing[..], &trailing[..90], &[]] {
            assert_eq!(PublicKey::from_spki(wrong), Err(KeyError::Public));
        }
    }
}
