//! Raw TCP: the bytes are not looked at, only the channel is protected. A connection that lasts is looked at again and again: it ends when a rule
//! does, when another policy comes or this one's time is over, and when the other's certificate is revoked or ends.
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use imp_identity::spiffe::SpiffeId;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::config::Direction;
use super::link;
use super::shared::Running;
use super::stopped::Stopped;

/// How often a connection that lasts is looked at again.
const LOOK: Duration = Duration::from_secs(1);

/// ALPN of raw TCP between gateways.
pub(super) const PROTOCOL: &[u8] = b"imp-gateway-tcp/1";

/// Carries a connection from inside to the peer.
pub(super) async fn serve_inside(running: &Running, mut inside: TcpStream) -> Result<(), Stopped> {
    inside.set_nodelay(true).map_err(Stopped::Gone)?;
    let mut outside = link::connect(running, PROTOCOL).await?;
    let Some(peer) = running.route.peers.first() else { return Ok(()) };
    let us = running.shared.device().identity.spiffe_id.clone();
    running.tally.carried();
    let (tcp, tls) = outside.get_ref();
    let address = tcp.peer_addr().map_err(Stopped::Gone)?;
    let other = Other { certificate: first(tls.peer_certificates()), peer, address };
    carry(running, (&mut inside, &mut outside), (&us, peer), other).await
}

/// Carries a connection from a peer to the application.
pub(super) async fn serve_outside(
    running: &Running,
    tcp: TcpStream,
    address: SocketAddr,
) -> Result<(), Stopped> {
    let mut caller = link::accept(running, tcp, address, PROTOCOL).await?;
    let Some(Direction::In { connect, .. }) = running.route.direction() else { return Ok(()) };
    let patience = running.route.limits.answer();
    let inside = timeout(patience, TcpStream::connect(connect)).await;
    let mut inside = inside.map_err(|_| Stopped::Silent)?.map_err(Stopped::Unreachable)?;
    inside.set_nodelay(true).map_err(Stopped::Gone)?;
    let us = running.shared.device().identity.spiffe_id.clone();
    running.tally.carried();
    let certificate = first(caller.stream.get_ref().1.peer_certificates());
    let other = Other { certificate, peer: &caller.peer, address };
    carry(running, (&mut inside, &mut caller.stream), (&caller.peer, &us), other).await
}

/// The machine at the other end.
struct Other<'a> {
    /// In DER.
    certificate: Vec<u8>,
    peer: &'a SpiffeId,
    address: SocketAddr,
}

fn first(certificates: Option<&[CertificateDer<'_>]>) -> Vec<u8> {
    certificates.and_then(<[_]>::first).map(|der| der.to_vec()).unwrap_or_default()
}

/// Both ways until both are done, the gateway stops, or the connection is expected no longer, or the other trusted no longer.
async fn carry(
    running: &Running,
    (one, other): (
        &mut (impl AsyncRead + AsyncWrite + Unpin),
        &mut (impl AsyncRead + AsyncWrite + Unpin),
    ),
    (from, to): (&SpiffeId, &SpiffeId),
    Other { certificate, peer, address }: Other<'_>,
) -> Result<(), Stopped> {
    let mut changes = running.shared.enforcement.changes();
    let stopping = running.shared.shutdown.token();
    let until_unexpected = async {
        loop {
            // At once when another copy comes, whose sender lives as long as the gateway.
            let _changed = timeout(LOOK, changes.changed()).await;
            let admitted = running.still_admits(from, to);
            let looked =
                admitted.and_then(|()| link::still_counts(running, &certificate, peer, address));
            if let Err(stopped) = looked {
                return stopped;
            }
        }
    };
    tokio::select! {
        copied = copy_bidirectional(one, other) => match copied {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(Stopped::Gone(error)),
        },
        stopped = until_unexpected => Err(stopped),
        () = stopping.cancelled() => Ok(()),
    }
}
