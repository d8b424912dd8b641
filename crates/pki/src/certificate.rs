//! Certificates as we issued them.
use imp_identity::Digest;
use jiff::{SignedDuration, Timestamp};
use x509_parser::prelude::FromDer as _;

use crate::key::{KeyError, PublicKey};

/// A certificate and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    serial: String,
    not_before: Timestamp,
    not_after: Timestamp,
    public_key: PublicKey,
    is_authority: bool,
    subject: String,
}

/// The bytes are not a certificate of ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedCertificate {
    /// Not X.509.
    #[error("not an X.509 certificate in DER")]
    Syntax,
    /// Its key is of another kind.
    #[error("the certificate's key is of a kind that we do not certify")]
    Key(#[from] KeyError),
}

impl Certificate {
    /// Reads a certificate. Nothing is verified here.
    pub fn parse(der: Vec<u8>) -> Result<Self, MalformedCertificate> {
        let (rest, x509) = x509_parser::certificate::X509Certificate::from_der(&der)
            .map_err(|_| MalformedCertificate::Syntax)?;
        if !rest.is_empty() {
            return Err(MalformedCertificate::Syntax);
        }
        let instant =
            |seconds| Timestamp::from_second(seconds).map_err(|_| MalformedCertificate::Syntax);
        let serial = x509.serial.to_str_radix(16);
        let not_before = instant(x509.validity().not_before.timestamp())?;
        // RFC 5280 §4.1.2.5 includes the last second; ours are first instants at which something no longer counts.
        let not_after = instant(x509.validity().not_after.timestamp().saturating_add(1))?;
        let public_key = PublicKey::of_device(x509.public_key().raw)?;
        let is_authority = x509.is_ca();
        let subject = x509.subject().to_string();
        Ok(Self { der, serial, not_before, not_after, public_key, is_authority, subject })
    }

    /// The certificate itself.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate itself.
    pub fn into_der(self) -> Vec<u8> {
        self.der
    }

    /// Its SHA-256 digest, which names it.
    pub fn digest(&self) -> Digest {
        Digest::of(&[&self.der])
    }

    /// Whom it names, as RFC 4514 writes it; empty for machines.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The serial number in hexadecimal digits.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// First instant at which it counts.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// First instant at which it no longer counts.
    pub fn expires_at(&self) -> Timestamp {
        self.not_after
    }

    /// When its holder should renew it: after two thirds of its validity.
    pub fn renew_after(&self) -> Timestamp {
        let lifetime = self.not_after.duration_since(self.not_before);
        self.not_before + SignedDuration::from_secs(lifetime.as_secs() / 3 * 2)
    }

    /// The key that it certifies.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Whether it may sign others.
    pub fn is_authority(&self) -> bool {
        self.is_authority
    }
}
