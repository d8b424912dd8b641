//! The listener: accepts, and leaves everything that can take time to the connection's own task.
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use imp_service::Shutdown;
use tokio::net::{TcpListener, TcpStream};

use super::connection;
use super::places::{Place, Places};
use super::share::{Share, Shares};
use crate::app::App;
use crate::config::seconds;

/// How long to wait when the system has no file descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// Who comes in at a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entrance {
    /// People, and machines of ours: HTTPS.
    Machines,
    /// Devices that enrol: HTTPS, with certificates of ours or of their manufacturers.
    Newcomers,
    /// Anybody, in the open: what is given is signed.
    Anybody,
}

/// What each connection needs.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) entrance: Entrance,
    pub(super) app: App,
    pub(super) router: Router,
    pub(super) handshake_time: Duration,
    pub(super) idle_time: Duration,
    pub(super) places: Arc<Places>,
    pub(super) shutdown: Shutdown,
}

/// Accepts connections until `shutdown`.
pub(super) async fn serve(
    entrance: Entrance,
    socket: TcpListener,
    app: App,
    router: Router,
    shutdown: Shutdown,
) {
    let http = &app.config.http;
    let shares = Shares::new(http.connections_per_address);
    let door = Door {
        entrance,
        handshake_time: seconds(http.handshake_seconds),
        idle_time: seconds(http.idle_seconds),
        places: Places::new(http.connections),
        app,
        router,
        shutdown,
    };
    loop {
        let accepted = tokio::select! {
            () = door.shutdown.requested() => break,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match (door.places.take(), shares.take(peer.ip())) {
                (Some(place), Some(share)) => admit(&door, stream, (place, share)),
                (Some(_), None) => tracing::debug!("an address has its share: closed one"),
                (None, _) => tracing::debug!("too many connections: closed one"),
            },
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot accept");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn admit(door: &Door, stream: TcpStream, place: (Place, Share)) {
    let connection = door.clone();
    door.shutdown.spawn(async move {
        connection::serve(connection, stream).await;
        drop(place);
    });
}
