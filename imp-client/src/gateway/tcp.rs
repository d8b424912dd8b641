//! Raw TCP: the bytes are not looked at, only the channel is protected. A policy that expects the connection no longer ends it.
use std::io;
use std::net::SocketAddr;

use imp_identity::spiffe::SpiffeId;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::config::Direction;
use super::link;
use super::shared::Running;
use super::stopped::Stopped;

/// ALPN of raw TCP between gateways.
pub(super) const PROTOCOL: &[u8] = b"imp-gateway-tcp/1";

/// Carries a connection from inside to the peer.
pub(super) async fn serve_inside(running: &Running, mut inside: TcpStream) -> Result<(), Stopped> {
    inside.set_nodelay(true).map_err(Stopped::Gone)?;
    let mut outside = link::connect(running, PROTOCOL).await?;
    let Some(peer) = running.route.peers.first() else { return Ok(()) };
    let us = running.shared.device().identity.spiffe_id.clone();
    running.tally.carried();
    carry(running, (&mut inside, &mut outside), (&us, peer)).await
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
    carry(running, (&mut inside, &mut caller.stream), (&caller.peer, &us)).await
}

/// Both ways until both are done, the gateway stops, or the connection is expected no longer.
async fn carry(
    running: &Running,
    (one, other): (
        &mut (impl AsyncRead + AsyncWrite + Unpin),
        &mut (impl AsyncRead + AsyncWrite + Unpin),
    ),
    (from, to): (&SpiffeId, &SpiffeId),
) -> Result<(), Stopped> {
    let mut changes = running.shared.enforcement.changes();
    let stopping = running.shared.shutdown.token();
    let until_unexpected = async {
        loop {
            // The sender lives as long as the gateway: it does not end first.
            let _changed = changes.changed().await;
            if let Err(stopped) = running.still_admits(from, to) {
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
