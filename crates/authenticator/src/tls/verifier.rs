//! Decides whether a peer's certificate is good: chain, time, usage, trust domain, kind of machine.
use imp_identity::Digest;
use imp_identity::spiffe::{Machine, TrustDomain};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use webpki::{EndEntityCert, anchor_from_trusted_cert};

use super::certificate::{CertificateProblem, Usage, peer_of};
use super::path::{self, problem, refused};
use super::{TlsError, TrustAnchors, provider};

/// Which machines are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Phone,
    Workstation,
    /// Either kind, or nobody in particular.
    AnyOrNone,
}

/// Accepts machines of one trust domain.
#[derive(Debug)]
pub(super) struct Verifier {
    trust_domain: TrustDomain,
    anchors: Vec<TrustAnchor<'static>>,
    kind: Kind,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(anchors: &TrustAnchors, kind: Kind) -> Result<Self, TlsError> {
        Ok(Self {
            trust_domain: anchors.trust_domain.clone(),
            anchors: path::roots(anchors)?,
            kind,
            algorithms: provider::provider().signature_verification_algorithms,
        })
    }

    pub(super) fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        usage: Usage,
    ) -> Result<(), Error> {
        path::verify(end_entity, intermediates, &self.anchors, now, usage)?;
        let peer = peer_of(std::slice::from_ref(end_entity));
        let peer = peer.ok_or_else(|| problem(CertificateProblem::Malformed))?;
        if peer.spiffe_id.trust_domain != self.trust_domain {
            return Err(problem(CertificateProblem::WrongTrustDomain));
        }
        match (self.kind, peer.spiffe_id.machine) {
            (Kind::Phone | Kind::AnyOrNone, Machine::Phone(_))
            | (Kind::Workstation | Kind::AnyOrNone, Machine::Workstation(_))
            | (Kind::AnyOrNone, Machine::Device(_)) => Ok(()),
            (Kind::Phone, Machine::Workstation(_) | Machine::Device(_))
            | (Kind::Workstation, Machine::Phone(_) | Machine::Device(_)) => {
                Err(problem(CertificateProblem::WrongKind))
            }
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(end_entity, intermediates, now, Usage::Server)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_tls_1_3())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.kind != Kind::AnyOrNone
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // Empty: the names would tell a stranger where the phone works.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verify(end_entity, intermediates, now, Usage::Client)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_tls_1_3())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

pub(super) fn only_tls_1_3() -> Error {
    Error::PeerIncompatible(rustls::PeerIncompatible::Tls12NotOfferedOrEnabled)
}

/// Accepts the server that shows the root with one fingerprint and a chain that validates under it.
#[derive(Debug)]
pub(super) struct FirstMeeting {
    root: Digest,
    algorithms: WebPkiSupportedAlgorithms,
}

impl FirstMeeting {
    pub(super) fn new(root: Digest) -> Self {
        Self { root, algorithms: provider::provider().signature_verification_algorithms }
    }
}

impl ServerCertVerifier for FirstMeeting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let root = intermediates
            .iter()
            .find(|certificate| Digest::of(&[certificate]) == self.root)
            .ok_or(CertificateError::UnknownIssuer)?;
        let anchor = anchor_from_trusted_cert(root).map_err(|error| refused(&error))?;
        path::verify(end_entity, intermediates, &[anchor], now, Usage::Server)?;
        let certificate = EndEntityCert::try_from(end_entity).map_err(|error| refused(&error))?;
        certificate
            .verify_is_valid_for_subject_name(server_name)
            .map_err(|error| refused(&error))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_tls_1_3())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
