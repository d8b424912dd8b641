//! A certification path (RFC 5280 §6), before anything of ours is asked of the certificate at its end.
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rustls::{CertificateError, Error, OtherError};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::certificate::{CertificateProblem, Usage, is_for};
use super::{TlsError, TrustAnchors, provider};

/// The roots, ready for paths.
pub(super) fn roots(anchors: &TrustAnchors) -> Result<Vec<TrustAnchor<'static>>, TlsError> {
    read_roots(&anchors.roots)
}

/// Roots in DER, ready for paths: at least one.
pub(super) fn read_roots(roots: &[Vec<u8>]) -> Result<Vec<TrustAnchor<'static>>, TlsError> {
    let roots = roots.iter().map(|root| {
        let root = CertificateDer::from_slice(root);
        anchor_from_trusted_cert(&root).map(|anchor| anchor.to_owned())
    });
    let roots: Vec<_> = roots.collect::<Result<_, _>>().map_err(|_| TlsError::Anchors)?;
    if roots.is_empty() { Err(TlsError::Anchors) } else { Ok(roots) }
}

/// Verifies signatures, times, constraints and usages from `end_entity` up to an anchor. The certificate at the end must say
/// that it is for `usage`: webpki lets one without any usage pass.
pub(super) fn verify(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    anchors: &[TrustAnchor<'_>],
    now: UnixTime,
    usage: Usage,
) -> Result<(), Error> {
    let along_the_chain = match usage {
        Usage::Client => KeyUsage::client_auth(),
        Usage::Server => KeyUsage::server_auth(),
    };
    let algorithms = provider::provider().signature_verification_algorithms.all;
    let certificate = EndEntityCert::try_from(end_entity).map_err(|error| refused(&error))?;
    certificate
        .verify_for_usage(algorithms, anchors, intermediates, now, along_the_chain, None, None)
        .map_err(|error| refused(&error))?;
    if is_for(end_entity, usage) { Ok(()) } else { Err(problem(CertificateProblem::WrongKind)) }
}

pub(super) fn problem(problem: CertificateProblem) -> Error {
    CertificateError::Other(OtherError(Arc::new(problem))).into()
}

/// rustls's words for webpki's verdict, so that the peer is told by the right alert.
#[expect(clippy::wildcard_enum_match_arm, reason = "webpki may add verdicts")]
pub(super) fn refused(error: &webpki::Error) -> Error {
    match error {
        webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => {
            CertificateError::UnknownIssuer.into()
        }
        webpki::Error::CertExpired { .. } => CertificateError::Expired.into(),
        webpki::Error::CertNotValidYet { .. } => CertificateError::NotValidYet.into(),
        webpki::Error::RequiredEkuNotFoundContext(_) => problem(CertificateProblem::WrongKind),
        webpki::Error::CertNotValidForName(_) => CertificateError::NotValidForName.into(),
        _ => problem(CertificateProblem::Malformed),
    }
}
