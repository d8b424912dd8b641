//! The identity provider's key, and the keys of applications.
//!
//! RSA with SHA-256: `lasso`, on which `mod_auth_mellon` stands, and most clinical applications verify nothing else. It is made
//! and used by aws-lc, in constant time.
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use data_encoding::BASE64;
use imp_identity::Secret;
use jiff::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, DnType, SerialNumber};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::xml::{Node, node};

/// How long a certificate says that it is valid. Applications take the key from the metadata; hardly any looks at the dates.
const YEARS: i64 = 10;
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// A private key, and the certificate by which applications know it: what is kept.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The key, PKCS#8 in DER.
    pub pkcs8: Secret<Vec<u8>>,
    /// The certificate, which it signed itself, in DER.
    pub certificate: Vec<u8>,
}

/// A credential that can sign.
pub struct SigningKey {
    pair: KeyPair,
    certificate: Vec<u8>,
}

/// The key of an application, from a certificate in its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    kind: Kind,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
}

/// The key cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The generator failed.
    #[error("no key could be generated")]
    Generate,
    /// The certificate could not be made.
    #[error("the certificate could not be made")]
    Certificate,
    /// Not an RSA key with its certificate.
    #[error("not an RSA key in PKCS#8 with the certificate of that key")]
    Malformed,
    /// The signature could not be made.
    #[error("the signature could not be made")]
    Sign,
}

/// A certificate holds no key that is accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate of an RSA key of 2048 to 8192 bits or of a P-256 key")]
pub struct CertificateError;

impl Credential {
    /// A new RSA key of 3072 bits, with a certificate that calls it `name`.
    pub fn generate(
        name: &str,
        now: Timestamp,
        rng: &mut (impl rand_core::CryptoRng + ?Sized),
    ) -> Result<Self, KeyError> {
        let pair = KeyPair::generate(KeySize::Rsa3072).map_err(|_| KeyError::Generate)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Generate)?;
        let pkcs8 = Secret::new(der.as_ref().to_vec());
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let from = now.as_second().max(0);
        let second = |at: i64| {
            let at = std::time::Duration::from_secs(u64::try_from(at).unwrap_or_default());
            rcgen::date_time_ymd(1970, 1, 1) + at
        };
        params.not_before = second(from - 3600);
        params.not_after = second(from + YEARS * 365 * 86_400);
        let mut serial = [0; 16];
        rng.fill_bytes(&mut serial);
        serial[0] = serial[0] & 0x3f | 0x40;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let key = certifying(&pkcs8)?;
        let certificate = params.self_signed(&key).map_err(|_| KeyError::Certificate)?;
        Ok(Self { pkcs8, certificate: certificate.der().to_vec() })
    }
}

/// RSA keys sign with SHA-256 there, when nothing else is said.
fn certifying(pkcs8: &Secret<Vec<u8>>) -> Result<rcgen::KeyPair, KeyError> {
    rcgen::KeyPair::try_from(pkcs8.expose().as_slice()).map_err(|_| KeyError::Certificate)
}

impl SigningKey {
    /// Takes a credential into use.
    pub fn open(credential: &Credential) -> Result<Self, KeyError> {
        let malformed = |_| KeyError::Malformed;
        let pair =
            KeyPair::from_pkcs8(credential.pkcs8.expose()).map_err(|_| KeyError::Malformed)?;
        let certificate = VerifyingKey::from_certificate(&credential.certificate);
        let key = Self { pair, certificate: credential.certificate.clone() };
        let probe = key.sign(b"probe")?;
        let verified = certificate.map_err(malformed)?.verify(RSA_SHA256, b"probe", &probe);
        if verified { Ok(key) } else { Err(KeyError::Malformed) }
    }

    /// The certificate, in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The URI of what [`Self::sign`] does.
    pub const fn algorithm(&self) -> &'static str {
        RSA_SHA256
    }

    /// A signature (RSASSA-PKCS1-v1_5 with SHA-256, RFC 8017 §8.2).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        self.pair
            .sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
            .map_err(|_| KeyError::Sign)?;
        Ok(signature)
    }

    /// Puts an enveloped signature (xmldsig-core1 §6.6.4) of `element` into it, as its child number `at`. The element names
    /// itself by `ID`.
    pub(crate) fn envelop(&self, mut element: Node, at: usize) -> Result<Node, KeyError> {
        let id = element.attribute("ID").unwrap_or_default().to_owned();
        let digest = BASE64.encode(digest(&SHA256, element.canonical().as_bytes()).as_ref());
        let algorithm = |name, uri: &'static str| node("ds", name).with("Algorithm", uri);
        let transforms = node("ds", "Transforms")
            .child(algorithm("Transform", "http://www.w3.org/2000/09/xmldsig#enveloped-signature"))
            .child(algorithm("Transform", EXCLUSIVE));
        let reference = node("ds", "Reference")
            .with("URI", format!("#{id}"))
            .child(transforms)
            .child(algorithm("DigestMethod", "http://www.w3.org/2001/04/xmlenc#sha256"))
            .child(node("ds", "DigestValue").text(digest));
        let signed = node("ds", "SignedInfo")
            .child(algorithm("CanonicalizationMethod", EXCLUSIVE))
            .child(algorithm("SignatureMethod", RSA_SHA256))
            .child(reference);
        let value = BASE64.encode(&self.sign(signed.canonical().as_bytes())?);
        let signature = node("ds", "Signature")
            .child(signed)
            .child(node("ds", "SignatureValue").text(value))
            .child(key_info(&self.certificate));
        element.insert(at, signature);
        Ok(element)
    }
}

/// A certificate, as metadata and signatures carry it.
pub(crate) fn key_info(certificate: &[u8]) -> Node {
    let certificate = node("ds", "X509Certificate").text(BASE64.encode(certificate));
    node("ds", "KeyInfo").child(node("ds", "X509Data").child(certificate))
}

impl VerifyingKey {
    /// The key in a certificate (DER). Nothing else of the certificate counts: metadata names it directly
    /// (saml-metadata-iop-os §2.5).
    pub fn from_certificate(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| CertificateError)?;
        let info = certificate.public_key();
        let key = match info.parsed().map_err(|_| CertificateError)? {
            PublicKey::RSA(key) if (2048..=8192).contains(&key.key_size()) => {
                Self { kind: Kind::Rsa, bytes: info.subject_public_key.as_ref().to_vec() }
            }
            PublicKey::EC(point) if point.data().len() == 65 && is_p256(info) => {
                Self { kind: Kind::P256, bytes: point.data().to_vec() }
            }
            PublicKey::RSA(_)
            | PublicKey::EC(_)
            | PublicKey::DSA(_)
            | PublicKey::GostR3410(_)
            | PublicKey::GostR3410_2012(_)
            | PublicKey::Unknown(_) => return Err(CertificateError),
        };
        if rest.is_empty() { Ok(key) } else { Err(CertificateError) }
    }

    /// Whether `signature` of `message` is this key's, by the algorithm that has this URI. SHA-1 is refused.
    pub fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        let Some(name) = algorithm.strip_prefix("http://www.w3.org/2001/04/xmldsig-more#") else {
            return false;
        };
        let algorithm: &'static dyn VerificationAlgorithm = match (self.kind, name) {
            (Kind::Rsa, "rsa-sha256") => &RSA_PKCS1_2048_8192_SHA256,
            (Kind::Rsa, "rsa-sha384") => &RSA_PKCS1_2048_8192_SHA384,
            (Kind::Rsa, "rsa-sha512") => &RSA_PKCS1_2048_8192_SHA512,
            (Kind::P256, "ecdsa-sha256") => &ECDSA_P256_SHA256_FIXED,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, &self.bytes).verify(message, signature).is_ok()
    }
}

fn is_p256(info: &x509_parser::x509::SubjectPublicKeyInfo<'_>) -> bool {
    let curve = info.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    curve.is_some_and(|curve| curve == x509_parser::oid_registry::OID_EC_P256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_signs_and_its_certificate_verifies() {
        let credential =
            Credential::generate("imp", Timestamp::UNIX_EPOCH, &mut rand::rng()).unwrap();
        let key = SigningKey::open(&credential).unwrap();
        let signature = key.sign(b"hello").unwrap();
        let verifying = VerifyingKey::from_certificate(key.certificate()).unwrap();
        assert!(verifying.verify(RSA_SHA256, b"hello", &signature));
        assert!(!verifying.verify(RSA_SHA256, b"hallo", &signature));
        assert!(!verifying.verify(
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            b"hello",
            &signature
        ));
        assert!(!verifying.verify(&RSA_SHA256.replace("256", "512"), b"hello", &signature));
    }

    #[test]
    fn a_key_is_not_taken_with_the_certificate_of_another() {
        let mut one = Credential::generate("imp", Timestamp::UNIX_EPOCH, &mut rand::rng()).unwrap();
        let other = Credential::generate("imp", Timestamp::UNIX_EPOCH, &mut rand::rng()).unwrap();
        one.certificate = other.certificate;
        assert!(matches!(SigningKey::open(&one), Err(KeyError::Malformed)));
        assert_eq!(VerifyingKey::from_certificate(b"no certificate"), Err(CertificateError));
    }
}
