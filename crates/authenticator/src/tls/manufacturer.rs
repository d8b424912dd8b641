//! Devices that show what their manufacturer gave them: initial device identifiers (`IDevID`, IEEE 802.1AR). They are let in
//! where machines are enrolled, and nowhere else.
use std::sync::{Arc, PoisonError, RwLock};

use imp_identity::Clock;
use jiff::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::oid_registry::OID_X509_SERIALNUMBER;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::certificate::{CertificateProblem, peer_of};
use super::path::{self, refused};
use super::verifier::{Kind, Verifier, only_tls_1_3};
use super::{Peer, TlsError, TrustAnchors, key, provider, unix_time, without_resumption};
use crate::signer::Signer;

/// A manufacturer whose devices may enrol with the certificates that it gave them.
#[derive(Clone, Debug)]
pub struct Manufacturer {
    /// What the inventory calls it.
    pub name: String,
    /// The roots of its device certificates, in DER.
    pub roots: Vec<Vec<u8>>,
}

/// Who asks to be enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Newcomer {
    /// A machine of this installation.
    Machine(Peer),
    /// A device with what its manufacturer gave it.
    Manufactured(Manufactured),
}

/// What a manufacturer's certificate (`IDevID`) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manufactured {
    /// Whose root its path leads to.
    pub manufacturer: String,
    /// The one `serialNumber` of its subject (802.1AR-2018 §8.6); `None` if there is none, or several.
    pub serial_number: Option<String>,
}

/// Lets machines of one installation and devices of some manufacturers through a TLS handshake, and others without a
/// certificate: those have to show something else.
#[derive(Debug)]
pub struct Doorkeeper {
    ours: Verifier,
    /// Our issuing authorities: EST gives a client its certificate alone, so that is all that some show.
    issuers: RwLock<Vec<CertificateDer<'static>>>,
    manufacturers: Vec<(String, Vec<TrustAnchor<'static>>)>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Doorkeeper {
    /// Knows our own machines by `anchors`, and devices by their manufacturers' roots.
    pub fn new(anchors: &TrustAnchors, manufacturers: &[Manufacturer]) -> Result<Self, TlsError> {
        let trusted = |manufacturer: &Manufacturer| {
            Ok((manufacturer.name.clone(), path::read_roots(&manufacturer.roots)?))
        };
        Ok(Self {
            ours: Verifier::new(anchors, Kind::AnyOrNone)?,
            issuers: RwLock::default(),
            manufacturers: manufacturers.iter().map(trusted).collect::<Result<_, TlsError>>()?,
            algorithms: provider::provider().signature_verification_algorithms,
        })
    }

    /// Fills in the certificates (DER) of these authorities where machines of ours leave them out.
    pub fn know_issuers(&self, issuers: impl IntoIterator<Item = Vec<u8>>) {
        let issuers = issuers.into_iter().map(CertificateDer::from).collect();
        *self.issuers.write().unwrap_or_else(PoisonError::into_inner) = issuers;
    }

    fn verify_ours(
        &self,
        end_entity: &CertificateDer<'_>,
        shown: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let known = self.issuers.read().unwrap_or_else(PoisonError::into_inner);
        let issuers: Vec<_> = shown.iter().chain(known.iter()).cloned().collect();
        self.ours.verify_client_cert(end_entity, &issuers, now)
    }

    /// Whose these certificates are, which a handshake has accepted, if they still count at `at`.
    pub fn who(&self, certificates: &[CertificateDer<'_>], at: Timestamp) -> Option<Newcomer> {
        let (end_entity, issuers) = certificates.split_first()?;
        let now = unix_time(at);
        if self.verify_ours(end_entity, issuers, now).is_ok() {
            return peer_of(certificates).map(Newcomer::Machine);
        }
        let made = |(_, roots): &&(String, Vec<_>)| verify(end_entity, issuers, roots, now).is_ok();
        let (manufacturer, _) = self.manufacturers.iter().find(made)?;
        let (manufacturer, serial_number) = (manufacturer.clone(), serial_number(end_entity));
        Some(Newcomer::Manufactured(Manufactured { manufacturer, serial_number }))
    }
}

/// HTTPS for those who enrol: as [`super::server`], and devices of known manufacturers may show their certificates.
pub fn enrolment_server(
    chain: Vec<Vec<u8>>,
    signer: Arc<dyn Signer>,
    doorkeeper: Arc<Doorkeeper>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let shown = rustls::sign::SingleCertAndKey::from(key::certified(chain, signer)?);
    let mut config = provider::server(clock)?
        .with_client_cert_verifier(doorkeeper)
        .with_cert_resolver(Arc::new(shown));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    without_resumption(&mut config);
    Ok(Arc::new(config))
}

/// Whether the certificate of a device, the first of `chain`, leads to a root of its manufacturer (RFC 5280 §6). It need
/// not say what it is for; if it does, it must be for clients of TLS.
pub fn verify_manufacturer_path(
    chain: &[Vec<u8>],
    roots: &[Vec<u8>],
    at: Timestamp,
) -> Result<(), CertificateProblem> {
    let roots = path::read_roots(roots).map_err(|_| CertificateProblem::UntrustedIssuer)?;
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from_slice(der)).collect();
    let (end_entity, issuers) = chain.split_first().ok_or(CertificateProblem::Malformed)?;
    verify(end_entity, issuers, &roots, unix_time(at))
        .map_err(|error| CertificateProblem::of(&error).unwrap_or(CertificateProblem::Malformed))
}

fn verify(
    end_entity: &CertificateDer<'_>,
    issuers: &[CertificateDer<'_>],
    roots: &[TrustAnchor<'_>],
    now: UnixTime,
) -> Result<(), Error> {
    let algorithms = provider::provider().signature_verification_algorithms.all;
    EndEntityCert::try_from(end_entity)
        .and_then(|certificate| {
            let usage = KeyUsage::client_auth();
            certificate
                .verify_for_usage(algorithms, roots, issuers, now, usage, None, None)
                .map(drop)
        })
        .map_err(|error| refused(&error))
}

fn serial_number(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let mut numbers = certificate.subject().iter_by_oid(&OID_X509_SERIALNUMBER);
    let (Some(number), None) = (numbers.next(), numbers.next()) else { return None };
    let number = number.as_str().ok()?;
    (!number.is_empty()).then(|| number.to_owned())
}

impl ClientCertVerifier for Doorkeeper {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // Empty: a device has one certificate to show, and strangers need not learn whose devices are here.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let ours = match self.verify_ours(end_entity, intermediates, now) {
            Ok(accepted) => return Ok(accepted),
            Err(refused) => refused,
        };
        // Whoever bears a name of ours is told what is wrong with that.
        let mut verdict = ours;
        let is_named = peer_of(std::slice::from_ref(end_entity)).is_some();
        for (_, roots) in &self.manufacturers {
            match verify(end_entity, intermediates, roots, now) {
                Ok(()) => return Ok(ClientCertVerified::assertion()),
                Err(refused) if is_named || is_unknown(&refused) => {}
                Err(refused) => verdict = refused,
            }
        }
        Err(verdict)
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

fn is_unknown(error: &Error) -> bool {
    CertificateProblem::of(error) == Some(CertificateProblem::UntrustedIssuer)
}

#[cfg(test)]
mod tests;
