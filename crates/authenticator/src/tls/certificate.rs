//! What a certificate says, and what can be wrong with it.
use imp_identity::spiffe::SpiffeId;
use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, CertificateError};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::Peer;

/// Why a peer's certificate was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateProblem {
    /// No trust anchor stands behind it, or a signature is not by the key that it should be by.
    #[error("the certificate was issued by somebody who is not trusted")]
    UntrustedIssuer,
    /// Its time is over.
    #[error("the certificate has expired")]
    Expired,
    /// Its time has not come: a clock is wrong.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// It is for another kind of machine, or not for this side of TLS.
    #[error("the certificate is for another kind of machine")]
    WrongKind,
    /// It is of another installation.
    #[error("the certificate belongs to another trust domain")]
    WrongTrustDomain,
    /// It is not for the server's name.
    #[error("the certificate is for another server name")]
    WrongName,
    /// It cannot be read, or names no machine.
    #[error("the certificate is malformed")]
    Malformed,
}

impl CertificateProblem {
    /// What rustls's verdict was about, if it was about a certificate.
    pub fn of(error: &rustls::Error) -> Option<Self> {
        let rustls::Error::InvalidCertificate(error) = error else {
            return matches!(error, rustls::Error::NoCertificatesPresented)
                .then_some(Self::Malformed);
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "rustls may add verdicts")]
        Some(match error {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Self::UntrustedIssuer
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Self::WrongKind
            }
            CertificateError::Other(other) => {
                other.0.downcast_ref().copied().unwrap_or(Self::Malformed)
            }
            _ => Self::Malformed,
        })
    }
}

/// Whether an alert of the peer is about our certificate (RFC 8446 §6.2).
pub(crate) const fn is_about_a_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
    )
}

/// Which side of TLS a certificate is for (RFC 5280 §4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    Client,
    Server,
}

/// Whether the certificate says that it is for this side.
pub(super) fn is_for(certificate: &CertificateDer<'_>, usage: Usage) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    let usages = certificate.extended_key_usage().ok().flatten();
    usages.is_some_and(|usages| match usage {
        Usage::Client => usages.value.client_auth,
        Usage::Server => usages.value.server_auth,
    })
}

/// Who the peer is, from the certificates that rustls has verified.
pub fn peer_of(certificates: &[CertificateDer<'_>]) -> Option<Peer> {
    let (_, certificate) = X509Certificate::from_der(certificates.first()?).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    // A SPIFFE certificate has exactly one URI (X509-SVID §2).
    let mut uris = names
        .value
        .general_names
        .iter()
        .filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None });
    let (Some(uri), None) = (uris.next(), uris.next()) else { return None };
    let spiffe_id: SpiffeId = uri.parse().ok()?;
    Some(Peer { spiffe_id, public_key: certificate.public_key().raw.to_vec() })
}
