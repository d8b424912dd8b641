//! Certificate requests (PKCS#10, RFC 2986): a claim of holding a key.
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::OID_SIG_ECDSA_WITH_SHA256;
use x509_parser::prelude::FromDer as _;

use crate::key::{KeyError, PublicKey};

/// Largest request that is read, in bytes.
pub const LARGEST: usize = 16 * 1024;

/// A request whose signature verified: whoever sent it holds the key. Names in it are ignored: the server decides names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    public_key: PublicKey,
}

/// The request cannot be granted to anybody.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It is larger than [`LARGEST`].
    #[error("the certificate request is larger than {LARGEST} bytes")]
    TooLarge,
    /// It cannot be parsed.
    #[error("the certificate request is not PKCS#10 in DER")]
    Malformed,
    /// The key is of another kind.
    #[error("the key of the certificate request is not a P-256 key")]
    Key(#[from] KeyError),
    /// The signature is not by the key, or of another kind.
    #[error("the certificate request is not signed by its key with ECDSA and SHA-256")]
    Signature,
}

impl CertificateRequest {
    /// Reads a request and verifies its signature.
    pub fn verify(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > LARGEST {
            return Err(RequestError::TooLarge);
        }
        let (rest, request) =
            X509CertificationRequest::from_der(der).map_err(|_| RequestError::Malformed)?;
        if !rest.is_empty() {
            return Err(RequestError::Malformed);
        }
        let public_key = PublicKey::from_spki(request.certification_request_info.subject_pki.raw)?;
        if request.signature_algorithm.algorithm != OID_SIG_ECDSA_WITH_SHA256 {
            return Err(RequestError::Signature);
        }
        request.verify_signature().map_err(|_| RequestError::Signature)?;
        Ok(Self { public_key })
    }

    /// The key that the sender holds.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;
    use rcgen::{CertificateParams, KeyPair};

    #[test]
    fn a_request_proves_its_key_whatever_it_names() {
        let key = Key::generate().unwrap();
        let der = requested(&key.pair().unwrap());
        assert_eq!(CertificateRequest::verify(&der).unwrap().public_key(), key.public_key());
    }

    #[test]
    fn a_changed_request_proves_no_other_key() {
        let key = Key::generate().unwrap();
        let der = requested(&key.pair().unwrap());
        for at in 0..der.len() {
            let mut changed = der.clone();
            changed[at] ^= 1;
            // Some bits around the signature are not signed; none of them changes what is proven.
            let proven = CertificateRequest::verify(&changed);
            assert!(proven.is_err() || proven.unwrap().public_key() == key.public_key(), "{at}");
        }
        for length in 0..der.len() {
            assert!(CertificateRequest::verify(&der[..length]).is_err(), "length {length}");
        }
        let long = vec![0x30; LARGEST + 1];
        assert_eq!(CertificateRequest::verify(&long), Err(RequestError::TooLarge));
    }

    #[test]
    fn another_kind_of_key_is_refused() {
        let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let refused = CertificateRequest::verify(&requested(&key));
        assert_eq!(refused, Err(RequestError::Key(KeyError::Public)));
    }

    fn requested(key: &KeyPair) -> Vec<u8> {
        let params = CertificateParams::new(vec!["wanted.example".to_owned()]).unwrap();
        params.serialize_request(key).unwrap().der().to_vec()
    }
}
