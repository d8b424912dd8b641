//! Revocation (RFC 8555 §7.6): by the account that has a certificate, or by whoever has the certificate's key.
use data_encoding::BASE64URL_NOPAD;
use imp_identity::device::CertificateRevocation;
use serde_json::Value;

use super::{AccountKey, ProblemType, Refused};
use crate::request::LARGEST;

/// What a client wants to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The certificate in DER.
    pub certificate: Vec<u8>,
    /// Why.
    pub reason: CertificateRevocation,
}

/// The certificate is not revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// Not a certificate.
    #[error("the request does not hold a certificate in base64url")]
    Malformed,
    /// Not one of ours.
    #[error("this server did not issue the certificate")]
    Unknown,
    /// The reason is not for clients to say.
    #[error("the reason is not one that may be given here")]
    Reason,
    /// It is another's.
    #[error(
        "the certificate belongs to another account, and the request is not signed with its key"
    )]
    NotYours,
    /// It was revoked before.
    #[error("the certificate was revoked before")]
    Already,
}

impl Refused for RevocationError {
    fn kind(&self) -> ProblemType {
        match self {
            Self::Malformed | Self::Unknown => ProblemType::Malformed,
            Self::Reason => ProblemType::BadRevocationReason,
            Self::NotYours => ProblemType::Unauthorized,
            Self::Already => ProblemType::AlreadyRevoked,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Malformed => "revocation-malformed",
            Self::Unknown => "revocation-unknown",
            Self::Reason => "revocation-reason",
            Self::NotYours => "revocation-not-yours",
            Self::Already => "revocation-repeated",
        }
    }
}

impl Revocation {
    /// Reads the payload of a request.
    pub fn parse(payload: &[u8]) -> Result<Self, RevocationError> {
        let payload: Value =
            serde_json::from_slice(payload).map_err(|_| RevocationError::Malformed)?;
        let text = payload["certificate"].as_str().ok_or(RevocationError::Malformed)?;
        if text.len() > 2 * LARGEST {
            return Err(RevocationError::Malformed);
        }
        let certificate = BASE64URL_NOPAD.decode(text.as_bytes());
        let certificate = certificate.map_err(|_| RevocationError::Malformed)?;
        let reason = match payload.get("reason") {
            None => CertificateRevocation::Unspecified,
            Some(code) => reason(code.as_u64().ok_or(RevocationError::Reason)?)?,
        };
        Ok(Self { certificate, reason })
    }

    /// Whether `key` is the one that the certificate certifies.
    pub fn is_by(&self, key: &AccountKey) -> bool {
        use x509_parser::prelude::FromDer as _;
        let certificate = x509_parser::certificate::X509Certificate::from_der(&self.certificate);
        certificate.is_ok_and(|(rest, it)| rest.is_empty() && key.is(it.public_key().raw))
    }
}

/// Reasons that a client may give (RFC 5280 §5.3.1): holding, authorities and lists of attributes are not theirs.
fn reason(code: u64) -> Result<CertificateRevocation, RevocationError> {
    Ok(match code {
        0 => CertificateRevocation::Unspecified,
        1 => CertificateRevocation::KeyCompromise,
        3 => CertificateRevocation::AffiliationChanged,
        4 => CertificateRevocation::Superseded,
        5 => CertificateRevocation::CessationOfOperation,
        _ => return Err(RevocationError::Reason),
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use serde_json::json;

    use super::super::testing;
    use super::*;

    #[test]
    fn requests_are_read_with_the_reasons_that_clients_may_give() {
        let read = |value: Value| Revocation::parse(value.to_string().as_bytes());
        let plain = read(json!({"certificate": "AAAA"})).unwrap();
        assert_eq!(plain.reason, CertificateRevocation::Unspecified);
        let compromised = read(json!({"certificate": "AAAA", "reason": 1})).unwrap();
        assert_eq!(compromised.reason, CertificateRevocation::KeyCompromise);
        for reason in [2, 6, 8, 9, 10, 11] {
            let refused = read(json!({"certificate": "AAAA", "reason": reason}));
            assert_eq!(refused, Err(RevocationError::Reason), "{reason}");
        }
        for wrong in [json!({}), json!({"certificate": "="}), json!({"certificate": 1})] {
            assert_eq!(read(wrong), Err(RevocationError::Malformed));
        }
    }

    #[test]
    fn the_key_of_a_certificate_is_known_and_no_other_is_it() {
        for key in [testing::p256(), testing::p384(), testing::ed25519(), testing::rsa()] {
            let pair = KeyPair::try_from(key.pkcs8()).unwrap();
            let params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
            let certificate = params.self_signed(&pair).unwrap().der().to_vec();
            let reason = CertificateRevocation::Unspecified;
            let revocation = Revocation { certificate, reason };
            assert!(revocation.is_by(key.public()));
            assert!(!revocation.is_by(testing::p256().public()));
        }
    }
}
