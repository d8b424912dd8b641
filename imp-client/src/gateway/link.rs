//! The outside: TLS 1.3 with another machine, whose name is in its certificate.
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use imp_authenticator::tls::{CertificateProblem, peer_of};
use imp_identity::connection::MachineRefusal;
use imp_identity::spiffe::SpiffeId;
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::config::{Direction, name_of};
use super::lanes::Lane;
use super::shared::Running;
use super::stopped::{Stopped, machine_refusal};
use super::upkeep;

/// How long a connection and its handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A machine that connected to us and is expected.
pub(super) struct Caller {
    pub(super) stream: server::TlsStream<TcpStream>,
    pub(super) peer: SpiffeId,
    /// One of as many as the route allows, until the connection ends.
    _lane: Lane,
}

/// Lets a machine in, if it is trusted and expected.
pub(super) async fn accept(
    running: &Running,
    tcp: TcpStream,
    address: SocketAddr,
    protocol: &[u8],
) -> Result<Caller, Stopped> {
    let device = running.shared.device();
    let (config, claim) = device.machines.accepting(&[protocol])?;
    // Small messages are answered one by one: waiting for more bytes would only cost time.
    tcp.set_nodelay(true).map_err(Stopped::Handshake)?;
    let handshake = TlsAcceptor::from(Arc::new(config)).accept(tcp);
    let stream = timeout(HANDSHAKE, handshake).await.map_err(|_| Stopped::Silent)?;
    let stream = stream.map_err(|error| {
        let Some(problem) = problem(&error) else { return Stopped::Handshake(error) };
        // A machine without a certificate is nobody that we know.
        let problem = match claim.name() {
            None => CertificateProblem::UntrustedIssuer,
            Some(_) => problem,
        };
        running.refuse_machine(claim.name(), address, machine_refusal(problem));
        Stopped::Untrusted(problem)
    })?;
    let peer = named(running, stream.get_ref().1.peer_certificates(), address).await?;
    // An answer in a language that was not agreed on would be misread.
    if stream.get_ref().1.alpn_protocol() != Some(protocol) {
        return Err(Stopped::Protocol(None));
    }
    running.admit(&peer, &device.identity.spiffe_id)?;
    let lane = running.guests.take().ok_or(Stopped::Unavailable)?;
    Ok(Caller { stream, peer, _lane: lane })
}

/// Connects to the peer of a route, if that is expected, and if it is there.
pub(super) async fn connect(
    running: &Running,
    protocol: &[u8],
) -> Result<client::TlsStream<TcpStream>, Stopped> {
    let Some(Direction::Out { connect, peer, .. }) = running.route.direction() else {
        return Err(Stopped::Unexpected("not-a-peer"));
    };
    let device = running.shared.device();
    let us = &device.identity.spiffe_id;
    running.admit(us, &peer)?;
    let tcp = timeout(HANDSHAKE, TcpStream::connect(connect.as_str())).await;
    let tcp = tcp.map_err(|_| Stopped::Silent)?.map_err(Stopped::Unreachable)?;
    tcp.set_nodelay(true).map_err(Stopped::Handshake)?;
    let address = tcp.peer_addr().map_err(Stopped::Handshake)?;
    let (config, claim) = device.machines.connecting(&[protocol])?;
    // It is not looked at: the machine's name is in its certificate, whatever its address.
    let name = ServerName::try_from(name_of(&connect).to_owned())
        .unwrap_or_else(|_| ServerName::from(address.ip()));
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, tcp);
    let stream = timeout(HANDSHAKE, handshake).await.map_err(|_| Stopped::Silent)?;
    let stream = stream.map_err(|error| {
        let Some(problem) = problem(&error) else { return Stopped::Handshake(error) };
        running.refuse_machine(claim.name(), address, machine_refusal(problem));
        Stopped::Untrusted(problem)
    })?;
    let found = named(running, stream.get_ref().1.peer_certificates(), address).await?;
    if found != peer {
        // Refused by the route, and reported with both names.
        let admitted = running.admit(us, &found);
        return Err(admitted.err().unwrap_or(Stopped::OtherMachine));
    }
    if stream.get_ref().1.alpn_protocol() != Some(protocol) {
        return Err(Stopped::Protocol(None));
    }
    Ok(stream)
}

/// Who the other end is, by a certificate that was verified, unless it was revoked since.
async fn named(
    running: &Running,
    certificates: Option<&[CertificateDer<'_>]>,
    address: SocketAddr,
) -> Result<SpiffeId, Stopped> {
    let peer = certificates.and_then(peer_of);
    let peer = peer.ok_or(Stopped::Untrusted(CertificateProblem::Malformed))?.spiffe_id;
    let chain: Vec<Vec<u8>> =
        certificates.unwrap_or_default().iter().map(|der| der.to_vec()).collect();
    let Some(shown) = chain.first() else {
        return Err(Stopped::Untrusted(CertificateProblem::Malformed));
    };
    let shared = &running.shared;
    if let Some(list) = shared.revocations.learn(&chain) {
        upkeep::refresh_list(shared, &list).await;
    }
    still_counts(running, shown, &peer, address)?;
    Ok(peer)
}

/// Whether a certificate that was let in still counts: it may have been revoked or have ended since.
pub(super) fn still_counts(
    running: &Running,
    certificate: &[u8],
    peer: &SpiffeId,
    address: SocketAddr,
) -> Result<(), Stopped> {
    let refuse = |reason| running.refuse_machine(Some(&peer.to_string()), address, reason);
    if running.shared.revocations.has(certificate) {
        refuse(MachineRefusal::Revoked);
        return Err(Stopped::Revoked);
    }
    if has_ended(certificate, running.shared.now()) {
        refuse(MachineRefusal::Expired);
        return Err(Stopped::Untrusted(CertificateProblem::Expired));
    }
    Ok(())
}

fn has_ended(certificate: &[u8], now: Timestamp) -> bool {
    let read = X509Certificate::from_der(certificate);
    read.is_ok_and(|(_, read)| read.validity().not_after.timestamp() < now.as_second())
}

/// What was wrong with the other's certificate, if that was it.
fn problem(error: &io::Error) -> Option<CertificateProblem> {
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    CertificateProblem::of(inner)
}
