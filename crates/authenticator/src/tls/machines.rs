//! TLS between any two machines of an installation: both show a certificate. What the other end said that it is, is known also when it was
//! not believed.
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use imp_identity::Clock;
use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::certificate::{CertificateProblem, Usage, peer_of};
use super::verifier::{Kind, Verifier};
use super::{MachineIdentity, Peer, TlsError, TrustAnchors, certified, provider, unix_time};

/// The longest name that is kept of somebody who is not believed, in characters.
const LONGEST_CLAIM: usize = 200;

/// A machine that talks to other machines.
pub struct Machines {
    certificate: Arc<SingleCertAndKey>,
    verifier: Arc<Verifier>,
    clock: Arc<dyn Clock>,
}

/// What the other end of one connection said that it is, whether it was believed or not. For logs and events, never for decisions.
#[derive(Clone, Debug, Default)]
pub struct Claim(Arc<OnceLock<String>>);

impl Claim {
    /// The name, as soon as a certificate was shown: its SPIFFE ID, or else its subject.
    pub fn name(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }

    fn keep(&self, certificate: &CertificateDer<'_>) {
        // One connection, one certificate.
        let _kept_before = self.0.set(claimed(certificate));
    }
}

impl Machines {
    /// Shows `identity`'s certificate and trusts machines under `anchors`.
    pub fn new(
        identity: &MachineIdentity,
        anchors: &TrustAnchors,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TlsError> {
        let verifier = Arc::new(Verifier::new(anchors, Kind::AnyOrNone)?);
        Ok(Self { certificate: certified(identity)?, verifier, clock })
    }

    /// For one connection that comes in: whoever connects must show a machine's certificate.
    pub fn accepting(&self, protocols: &[&[u8]]) -> Result<(ServerConfig, Claim), TlsError> {
        let claim = Claim::default();
        let verifier = Arc::new(Watched { inner: self.verifier.clone(), claim: claim.clone() });
        let mut config = provider::server(self.clock.clone())?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(self.certificate.clone());
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        super::without_resumption(&mut config);
        Ok((config, claim))
    }

    /// For one connection that goes out: any machine may answer; [`peer_of`] says which one did.
    pub fn connecting(&self, protocols: &[&[u8]]) -> Result<(ClientConfig, Claim), TlsError> {
        let claim = Claim::default();
        let verifier = Arc::new(Watched { inner: self.verifier.clone(), claim: claim.clone() });
        let mut config = provider::client(self.clock.clone())?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(self.certificate.clone());
        config.enable_sni = false;
        config.resumption = rustls::client::Resumption::disabled();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok((config, claim))
    }

    /// Whose certificate the first of `chain` is, if it was good at the instant `at`, for a machine that sends something (client
    /// authentication).
    pub fn peer_at(&self, chain: &[Vec<u8>], at: Timestamp) -> Result<Peer, CertificateProblem> {
        let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from_slice(der)).collect();
        let (end_entity, issuers) = chain.split_first().ok_or(CertificateProblem::Malformed)?;
        self.verifier.verify(end_entity, issuers, unix_time(at), Usage::Client).map_err(
            |error| CertificateProblem::of(&error).unwrap_or(CertificateProblem::Malformed),
        )?;
        peer_of(std::slice::from_ref(end_entity)).ok_or(CertificateProblem::Malformed)
    }
}

/// What a certificate that nobody has verified says about its owner: printable, and not long.
fn claimed(certificate: &CertificateDer<'_>) -> String {
    if let Some(peer) = peer_of(std::slice::from_ref(certificate)) {
        return peer.spiffe_id.to_string().chars().take(LONGEST_CLAIM).collect();
    }
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return "an unreadable certificate".to_owned();
    };
    let mut text = String::new();
    // Writing to a string cannot fail; a name that cannot be written is an empty one.
    let _always = write!(text, "{}", certificate.subject());
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let text: String = printable.take(LONGEST_CLAIM).collect();
    if text.trim().is_empty() { "a certificate without a name".to_owned() } else { text }
}

/// A verifier that keeps what it was shown.
#[derive(Debug)]
struct Watched {
    inner: Arc<Verifier>,
    claim: Claim,
}

impl ServerCertVerifier for Watched {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.claim.keep(end_entity);
        let inner: &dyn ServerCertVerifier = self.inner.as_ref();
        inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        ServerCertVerifier::verify_tls12_signature(&*self.inner, message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        ServerCertVerifier::verify_tls13_signature(&*self.inner, message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ServerCertVerifier::supported_verify_schemes(&*self.inner)
    }
}

impl ClientCertVerifier for Watched {
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        ClientCertVerifier::root_hint_subjects(&*self.inner)
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.claim.keep(end_entity);
        self.inner.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        ClientCertVerifier::verify_tls12_signature(&*self.inner, message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        ClientCertVerifier::verify_tls13_signature(&*self.inner, message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ClientCertVerifier::supported_verify_schemes(&*self.inner)
    }
}
