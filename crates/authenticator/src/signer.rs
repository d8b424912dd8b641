//! Keys that sign: what a TPM, a phone's keystore or a file can do for this protocol.
use std::error::Error;
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

/// A P-256 private key (FIPS 186-5) that may live in hardware.
pub trait Signer: Send + Sync {
    /// The public key: a P-256 `SubjectPublicKeyInfo` in DER, with an uncompressed point (RFC 5480 §2).
    fn public_key(&self) -> &[u8];

    /// Signs SHA-256 of `message` with ECDSA: r‖s, 32 bytes each, big-endian.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;
}

/// Nothing was signed.
#[derive(Debug, thiserror::Error)]
#[error("the key could not sign")]
pub struct SignError(#[source] Box<dyn Error + Send + Sync>);

/// DER of a P-256 `SubjectPublicKeyInfo` up to the point's 65 bytes (RFC 5480 §2.1.1).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

impl SignError {
    /// Wraps what the key's keeper said.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// A PKCS#10 request (RFC 2986) in DER for the signer's key, with an empty subject: the server decides the names.
pub fn certificate_request(signer: &Arc<dyn Signer>) -> Result<Vec<u8>, SignError> {
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    let request =
        parameters.serialize_request(&RequestKey(signer.as_ref())).map_err(SignError::new)?;
    Ok(request.der().to_vec())
}

/// The uncompressed point (65 bytes) in a P-256 `SubjectPublicKeyInfo`; `None` for any other kind of key.
pub(crate) fn point(public_key: &[u8]) -> Option<&[u8]> {
    let point = public_key.strip_prefix(&SPKI_PREFIX)?;
    (point.len() == 65 && point[0] == 4).then_some(point)
}

/// Whether `signature` (r‖s) over `message` was made with the private key of `public_key`.
pub(crate) fn verifies(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    point(public_key).is_some_and(|point| {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
    })
}

/// `ECDSA-Sig-Value` (RFC 5480 appendix A) of r‖s.
pub(crate) fn der_signature(signature: &[u8; 64]) -> Vec<u8> {
    let (r, s) = signature.split_at(32);
    let mut integers = Vec::with_capacity(72);
    for value in [r, s] {
        let zeros = value.iter().take_while(|&&b| b == 0).count().min(31);
        let value = &value[zeros..];
        let sign = usize::from(value[0] >= 0x80);
        integers.extend([2, u8::try_from(value.len() + sign).unwrap_or_default()]);
        integers.extend(std::iter::repeat_n(0, sign));
        integers.extend_from_slice(value);
    }
    let mut der = vec![0x30, u8::try_from(integers.len()).unwrap_or_default()];
    der.append(&mut integers);
    der
}

/// Lets rcgen sign with a [`Signer`].
struct RequestKey<'a>(&'a dyn Signer);

impl rcgen::PublicKeyData for RequestKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        point(self.0.public_key()).unwrap_or_default()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for RequestKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.0.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(der_signature(&signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SoftwareKey;
    use x509_parser::prelude::{FromDer as _, X509CertificationRequest};

    #[test]
    fn a_request_is_signed_and_names_nobody() {
        let key = SoftwareKey::generate();
        let signer: Arc<dyn Signer> = key.clone();
        let request = certificate_request(&signer).unwrap();
        let (rest, request) = X509CertificationRequest::from_der(&request).unwrap();
        assert!(rest.is_empty());
        request.verify_signature().unwrap();
        let content = &request.certification_request_info;
        assert_eq!(content.subject_pki.raw, key.public_key());
        assert_eq!(content.subject.iter().count(), 0);
    }

    #[test]
    fn signatures_become_the_shortest_der() {
        let mut signature = [0; 64];
        signature[31] = 1;
        signature[32] = 0x80;
        let der = der_signature(&signature);
        assert_eq!(der[..7], [0x30, 38, 2, 1, 1, 2, 33]);
        assert_eq!((der[7], der[8], der.len()), (0, 0x80, 40));
        let der = der_signature(&[0; 64]);
        assert_eq!(der, [0x30, 6, 2, 1, 0, 2, 1, 0]);
        assert_eq!(der_signature(&[0xff; 64]).len(), 72);
    }

    #[test]
    fn only_p256_keys_are_read() {
        let key = SoftwareKey::generate();
        assert_eq!(point(key.public_key()).unwrap().len(), 65);
        for cut in 0..91 {
            assert_eq!(point(&key.public_key()[..cut]), None);
        }
        let mut compressed = key.public_key().to_vec();
        compressed[26] = 2;
        assert_eq!(point(&compressed), None);
    }
}
