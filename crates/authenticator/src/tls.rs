//! Whom to trust: TLS 1.3 between phone, workstation and server (RFC 8446), with certificates of one trust domain.
use std::sync::Arc;

use imp_identity::spiffe::{SpiffeId, TrustDomain};
use imp_identity::{Clock, Digest};
use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig};

use crate::signer::Signer;

mod certificate;
mod key;
mod machines;
mod manufacturer;
mod path;
mod provider;
mod verifier;

pub(crate) use certificate::is_about_a_certificate;
pub use certificate::{CertificateProblem, peer_of};
pub use machines::{Claim, Machines};
pub use manufacturer::{
    Doorkeeper, Manufactured, Manufacturer, Newcomer, enrolment_server, verify_manufacturer_path,
};

use certificate::Usage;
use verifier::{FirstMeeting, Kind, Verifier};

/// What phone and workstation agree to speak (ALPN, RFC 7301).
pub const PROTOCOL: &[u8] = b"imp-tap/1";

/// Whom a machine trusts.
#[derive(Clone, Debug)]
pub struct TrustAnchors {
    /// The installation.
    pub trust_domain: TrustDomain,
    /// Its root certificates, in DER.
    pub roots: Vec<Vec<u8>>,
}

/// Who a machine is.
#[derive(Clone)]
pub struct MachineIdentity {
    /// Its name.
    pub spiffe_id: SpiffeId,
    /// Its certificate, then the issuers up to but without the root, in DER.
    pub chain: Vec<Vec<u8>>,
    /// The key of the certificate.
    pub signer: Arc<dyn Signer>,
}

/// A machine at the other end of a TLS session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub spiffe_id: SpiffeId,
    /// The key of its certificate: a `SubjectPublicKeyInfo` in DER.
    pub public_key: Vec<u8>,
}

/// A configuration cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No root, or one that cannot be read.
    #[error("the trust anchors cannot be used")]
    Anchors,
    /// The chain is empty or cannot be read.
    #[error("the machine's certificate cannot be read")]
    Certificate,
    /// The certificate is for another key or another machine.
    #[error("the machine's certificate is not for its key and name")]
    Mismatch,
    /// rustls refused.
    #[error("the TLS configuration was refused")]
    Rustls(#[from] rustls::Error),
}

/// A workstation's side of a tap: shows its certificate, accepts only a phone's.
pub fn workstation_to_phone(
    identity: &MachineIdentity,
    anchors: &TrustAnchors,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let verifier = Arc::new(Verifier::new(anchors, Kind::Phone)?);
    let mut config = provider::client(clock)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(certified(identity)?);
    config.enable_sni = false;
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

/// A phone's side of a tap: shows its certificate, demands a workstation's.
pub fn phone_to_workstation(
    identity: &MachineIdentity,
    anchors: &TrustAnchors,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let verifier = Arc::new(Verifier::new(anchors, Kind::Workstation)?);
    let mut config = provider::server(clock)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certified(identity)?);
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    without_resumption(&mut config);
    Ok(Arc::new(config))
}

/// HTTPS to the server: its name is checked, and the machine shows its certificate when it has one.
pub fn machine_to_server(
    identity: Option<&MachineIdentity>,
    anchors: &TrustAnchors,
    clock: Arc<dyn Clock>,
) -> Result<ClientConfig, TlsError> {
    let verifier = webpki_verifier(anchors)?;
    let config = provider::client(clock)?.with_webpki_verifier(verifier);
    Ok(match identity {
        Some(identity) => config.with_client_cert_resolver(certified(identity)?),
        None => config.with_no_client_auth(),
    })
}

/// HTTPS to a server of which only the root's SHA-256 is known: its chain must include that root and validate under it.
pub fn first_meeting(
    ca_fingerprint: Digest,
    clock: Arc<dyn Clock>,
) -> Result<ClientConfig, TlsError> {
    let verifier = first_meeting_verifier(ca_fingerprint);
    Ok(provider::client(clock)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// HTTPS for the server: machines may show a certificate, which is verified; `chain` should end with the root, for [`first_meeting`].
pub fn server(
    chain: Vec<Vec<u8>>,
    signer: Arc<dyn Signer>,
    anchors: &TrustAnchors,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let verifier = Arc::new(Verifier::new(anchors, Kind::AnyOrNone)?);
    let mut config =
        provider::server(clock)?.with_client_cert_verifier(verifier).with_cert_resolver(Arc::new(
            rustls::sign::SingleCertAndKey::from(key::certified(chain, signer)?),
        ));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    without_resumption(&mut config);
    Ok(Arc::new(config))
}

/// What [`machine_to_server`] checks of a server's certificate: its path to a root, and its name.
pub fn server_verifier(anchors: &TrustAnchors) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    Ok(webpki_verifier(anchors)?)
}

/// What [`first_meeting`] checks of a server's certificate: its path to the root with that SHA-256, and its name.
pub fn first_meeting_verifier(ca_fingerprint: Digest) -> Arc<dyn ServerCertVerifier> {
    Arc::new(FirstMeeting::new(ca_fingerprint))
}

/// Whether a client's certificate, the first of `chain`, leads to a root (RFC 5280 §6), whoever it names.
pub fn verify_client_path(
    chain: &[Vec<u8>],
    anchors: &TrustAnchors,
    at: Timestamp,
) -> Result<(), CertificateProblem> {
    let roots = path::roots(anchors).map_err(|_| CertificateProblem::UntrustedIssuer)?;
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from_slice(der)).collect();
    let (end_entity, issuers) = chain.split_first().ok_or(CertificateProblem::Malformed)?;
    path::verify(end_entity, issuers, &roots, unix_time(at), Usage::Client)
        .map_err(|error| CertificateProblem::of(&error).unwrap_or(CertificateProblem::Malformed))
}

/// A time before 1970 is as good as 1970: nothing counts yet.
fn unix_time(at: Timestamp) -> UnixTime {
    let seconds = u64::try_from(at.as_second()).unwrap_or_default();
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

fn webpki_verifier(anchors: &TrustAnchors) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let mut roots = rustls::RootCertStore::empty();
    for root in &anchors.roots {
        roots.add(CertificateDer::from_slice(root)).map_err(|_| TlsError::Anchors)?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider::provider())
        .build()
        .map_err(|_| TlsError::Anchors)
}

/// Every session is a full handshake: a certificate that has expired since cannot be resumed.
fn without_resumption(config: &mut ServerConfig) {
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
}

/// The machine's certificate with its key, after a look whether they belong together.
fn certified(identity: &MachineIdentity) -> Result<Arc<rustls::sign::SingleCertAndKey>, TlsError> {
    let certified: CertifiedKey = key::certified(identity.chain.clone(), identity.signer.clone())?;
    let named = peer_of(&certified.cert).ok_or(TlsError::Certificate)?;
    if named.spiffe_id != identity.spiffe_id {
        return Err(TlsError::Mismatch);
    }
    Ok(Arc::new(certified.into()))
}

#[cfg(test)]
mod tests;
