//! Authorities: the root, the issuing one, and what they sign.
use imp_identity::Digest;
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa};
use rcgen::{
    KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SerialNumber,
    SignatureAlgorithm, SigningKey,
};
use rustls_pki_types::CertificateDer;

use crate::certificate::{Certificate, MalformedCertificate};
use crate::key::{Key, KeyError, PublicKey};
use crate::profile::Profile;

mod original;

/// An instant as rcgen takes it.
macro_rules! second {
    ($at:expr) => {
        rcgen::date_time_ymd(1970, 1, 1) + $crate::issuer::since_1970($at)
    };
}
pub(crate) use second;

/// How long a root counts: ten years.
pub const ROOT_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 3653);
/// How long an issuing authority counts: five years.
pub const ISSUING_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 1826);
/// How far certificates are dated back, for clocks that are behind.
pub const BACKDATED: SignedDuration = SignedDuration::from_mins(5);

/// The last second that a certificate can name (RFC 5280 §4.1.2.5.2).
const LAST_SECOND: i64 = 253_402_300_799;

/// A certificate with its key, allowed to sign others.
pub struct Issuer {
    certificate: Certificate,
    issuer: rcgen::Issuer<'static, AuthorityKey>,
}

/// How long a certificate counts, and from when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The current instant.
    pub now: Timestamp,
    /// How long from now on; never longer than the authority.
    pub lifetime: SignedDuration,
}

/// A P-256 key that is kept elsewhere, such as in a token, and signs there.
pub trait ExternalKey: Send + Sync {
    /// Its public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message` by ECDSA with SHA-256. The signature is in DER (RFC 3279 §2.2.3).
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ExternalKeyError>;
}

/// The key did not sign.
#[derive(Debug, thiserror::Error)]
#[error("the key outside did not sign: {0}")]
pub struct ExternalKeyError(pub String);

/// An authority's key: in memory, or elsewhere.
pub struct AuthorityKey(Place);

enum Place {
    Memory(Box<KeyPair>),
    Elsewhere { key: Box<dyn ExternalKey>, point: Vec<u8> },
}

/// The certificate was not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The authority's key cannot be used.
    #[error("the authority's key cannot be used")]
    Key(#[from] KeyError),
    /// The authority's certificate cannot be used.
    #[error("the authority's certificate cannot be used")]
    Certificate(#[from] MalformedCertificate),
    /// The certificate does not belong to the key, or may not sign.
    #[error("the authority's certificate does not belong to its key, or may not sign others")]
    NotAnAuthority,
    /// The authority has expired or does not count yet.
    #[error("the authority's certificate does not count at this time")]
    Expired,
    /// What is to be certified is no issuing authority's certificate.
    #[error("what is to be certified is not the certificate of an issuing authority")]
    NotAnIssuing,
    /// A serial number is not one.
    #[error("a serial number has other characters than hexadecimal digits")]
    Serial,
    /// The encoder or the signature failed.
    #[error("the certificate could not be signed")]
    Sign(#[source] rcgen::Error),
}

impl AuthorityKey {
    /// A key in memory.
    pub fn new(key: &Key) -> Result<Self, KeyError> {
        Ok(Self(Place::Memory(Box::new(key.pair()?))))
    }

    /// A key that signs elsewhere.
    pub fn external(key: Box<dyn ExternalKey>) -> Result<Self, KeyError> {
        let point = key.public_key().subject()?.der_bytes().to_vec();
        Ok(Self(Place::Elsewhere { key, point }))
    }

    fn spki(&self) -> Vec<u8> {
        match &self.0 {
            Place::Memory(pair) => pair.subject_public_key_info(),
            Place::Elsewhere { key, .. } => key.public_key().as_spki().to_vec(),
        }
    }
}

impl PublicKeyData for AuthorityKey {
    fn der_bytes(&self) -> &[u8] {
        match &self.0 {
            Place::Memory(pair) => pair.der_bytes(),
            Place::Elsewhere { point, .. } => point,
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for AuthorityKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        match &self.0 {
            Place::Memory(pair) => pair.sign(message),
            Place::Elsewhere { key, .. } => {
                key.sign(message).map_err(|error| rcgen::Error::X509(error.to_string()))
            }
        }
    }
}

impl Issuer {
    /// Opens an authority that was created before.
    pub fn open(certificate: Vec<u8>, key: &Key) -> Result<Self, IssueError> {
        Self::open_with(certificate, AuthorityKey::new(key)?)
    }

    /// Opens an authority whose key may be elsewhere.
    pub fn open_with(certificate: Vec<u8>, key: AuthorityKey) -> Result<Self, IssueError> {
        let certificate = Certificate::parse(certificate)?;
        if certificate.public_key().as_spki() != key.spki() || !certificate.is_authority() {
            return Err(IssueError::NotAnAuthority);
        }
        let der = CertificateDer::from(certificate.der());
        let issuer = rcgen::Issuer::from_ca_cert_der(&der, key).map_err(IssueError::Sign)?;
        Ok(Self { certificate, issuer })
    }

    /// Creates a root for `key` (RFC 5280 §3.2): self-signed, may sign issuing authorities.
    pub fn root(
        key: &Key,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, IssueError> {
        let mut params = authority("IMP root", key.public_key(), 1);
        date(&mut params, now, now + ROOT_LIFETIME, rng);
        let certificate = params.self_signed(&key.pair()?).map_err(IssueError::Sign)?;
        Self::open(certificate.der().to_vec(), key)
    }

    /// Creates an issuing authority for `key`, signed by this root.
    pub fn issuing(
        &self,
        key: &Key,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, IssueError> {
        let params = authority("IMP issuing", key.public_key(), 0);
        let validity = Validity { now, lifetime: ISSUING_LIFETIME };
        let certificate = self.sign(params, key.public_key(), validity, rng)?;
        Self::open(certificate.into_der(), key)
    }

    /// Certifies another root's issuing authority: the same name, key and key identifier under this root, so that who trusts
    /// this root only verifies what that authority signs (RFC 4949, cross-certificate). Not longer than the original.
    pub fn cross_sign(
        &self,
        other: &Certificate,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Certificate, IssueError> {
        let original = original::read(other).ok_or(IssueError::NotAnIssuing)?;
        let mut params = authority("", other.public_key(), 0);
        params.distinguished_name = original.name;
        params.key_identifier_method = KeyIdMethod::PreSpecified(original.key_identifier);
        let left = other.expires_at().duration_since(now);
        if !left.is_positive() {
            return Err(IssueError::Expired);
        }
        let validity = Validity { now, lifetime: left.min(ISSUING_LIFETIME) };
        let signed = self.sign(params, other.public_key(), validity, rng)?;
        // A name that would have been written in another way would not be found as an issuer's.
        if signed.subject() == other.subject() { Ok(signed) } else { Err(IssueError::NotAnIssuing) }
    }

    /// Issues a certificate of `profile` for `key`, valid for `lifetime` but not longer than this authority.
    pub fn issue(
        &self,
        profile: &Profile,
        key: &PublicKey,
        lifetime: SignedDuration,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Certificate, IssueError> {
        let params = profile.params(key).map_err(IssueError::Sign)?;
        self.sign(params, key, Validity { now, lifetime }, rng)
    }

    /// This authority's own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(crate) const fn signing(&self) -> &rcgen::Issuer<'static, AuthorityKey> {
        &self.issuer
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        key: &PublicKey,
        Validity { now, lifetime }: Validity,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Certificate, IssueError> {
        let ours = &self.certificate;
        if now < ours.not_before() || ours.expires_at() <= now {
            return Err(IssueError::Expired);
        }
        date(&mut params, now, (now + lifetime).min(ours.expires_at()), rng);
        let signed = params.signed_by(&key.subject()?, &self.issuer).map_err(IssueError::Sign)?;
        Ok(Certificate::parse(signed.der().to_vec())?)
    }
}

/// An authority's parameters. Its name ends in some of its key's digest: no two are alike, and nobody is named.
fn authority(kind: &str, key: &PublicKey, path_length: u8) -> CertificateParams {
    let digest = Digest::of(&[key.as_spki()]).to_string();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, format!("{kind} {}", digest.get(..16).unwrap_or(&digest)));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

/// Sets the validity and a serial number of 126 random bits (RFC 5280 §4.1.2.2 wants it unique and positive).
fn date(
    params: &mut CertificateParams,
    now: Timestamp,
    expires_at: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) {
    params.not_before = second!(now - BACKDATED);
    params.not_after = second!(expires_at - SignedDuration::from_secs(1));
    let mut serial = [0; 16];
    rng.fill_bytes(&mut serial);
    serial[0] = serial[0] & 0x3f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
}

/// Whole seconds since 1970, as far as a certificate can say.
pub(crate) fn since_1970(at: Timestamp) -> std::time::Duration {
    let seconds = u64::try_from(at.as_second().clamp(0, LAST_SECOND)).unwrap_or_default();
    std::time::Duration::from_secs(seconds)
}

#[cfg(test)]
pub(crate) mod tests;
