//! Authorities: the root, the issuing one, and what they sign.
use imp_identity::Digest;
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa};
use rcgen::{KeyPair, KeyUsagePurpose, SerialNumber};
use rustls_pki_types::CertificateDer;

use crate::certificate::{Certificate, MalformedCertificate};
use crate::key::{Key, KeyError, PublicKey};
use crate::profile::Profile;

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
    issuer: rcgen::Issuer<'static, KeyPair>,
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
    /// The encoder or the signature failed.
    #[error("the certificate could not be signed")]
    Sign(#[source] rcgen::Error),
}

impl Issuer {
    /// Opens an authority that was created before.
    pub fn open(certificate: Vec<u8>, key: &Key) -> Result<Self, IssueError> {
        let certificate = Certificate::parse(certificate)?;
        if certificate.public_key() != key.public_key() || !certificate.is_authority() {
            return Err(IssueError::NotAnAuthority);
        }
        let der = CertificateDer::from(certificate.der());
        let issuer =
            rcgen::Issuer::from_ca_cert_der(&der, key.pair()?).map_err(IssueError::Sign)?;
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
        let certificate = self.sign(params, key.public_key(), ISSUING_LIFETIME, now, rng)?;
        Self::open(certificate.into_der(), key)
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
        self.sign(profile.params().map_err(IssueError::Sign)?, key, lifetime, now, rng)
    }

    /// This authority's own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        key: &PublicKey,
        lifetime: SignedDuration,
        now: Timestamp,
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
    let second = |at: Timestamp| {
        let seconds = u64::try_from(at.as_second().clamp(0, LAST_SECOND)).unwrap_or_default();
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds)
    };
    params.not_before = second(now - BACKDATED);
    params.not_after = second(expires_at - SignedDuration::from_secs(1));
    let mut serial = [0; 16];
    rng.fill_bytes(&mut serial);
    serial[0] = serial[0] & 0x3f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
}

#[cfg(test)]
mod tests;
