//! Whom to trust: TLS 1.3 between phone, workstation and server (RFC 8446), with certificates of one trust domain.
use std::sync::Arc;

use imp_identity::spiffe::{SpiffeId, TrustDomain};
use imp_identity::{Clock, Digest};
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig};

use crate::signer::Signer;

mod certificate;
mod key;
mod provider;
mod verifier;

pub(crate) use certificate::is_about_a_certificate;
pub use certificate::{CertificateProblem, peer_of};

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
    let mut roots = rustls::RootCertStore::empty();
    for root in &anchors.roots {
        roots.add(CertificateDer::from_slice(root)).map_err(|_| TlsError::Anchors)?;
    }
    if roots.is_empty() {
        return Err(TlsError::Anchors);
    }
    let config = provider::client(clock)?.with_root_certificates(roots);
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
    let verifier = Arc::new(FirstMeeting::new(ca_fingerprint));
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
