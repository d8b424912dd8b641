//! `imp-server witness`: a server of its own that watches logs and cosigns what continues them (C2SP tlog-witness). It has no
//! database: a key and, for each log, the latest checkpoint that it cosigned. It should be run by somebody else than the log.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use imp_identity::Clock;
use imp_service::Shutdown;
use imp_service::shutdown::Unfinished;
use imp_translog::VerifierKey;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

mod http;
mod keeper;
mod listener;

pub use keeper::{Keeper, KeeperError};

/// How long requests under way may take to finish when the witness stops.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running witness. Dropping it does not stop it: see [`WitnessServer::stop`].
pub struct WitnessServer {
    address: SocketAddr,
    key: VerifierKey,
    shutdown: Shutdown,
}

impl WitnessServer {
    /// Listens and answers until `shutdown`, in plain HTTP or with TLS: neither side needs it, because checkpoints and
    /// cosignatures are signed.
    pub async fn start(
        keeper: Keeper,
        listen: SocketAddr,
        tls: Option<TlsAcceptor>,
        clock: Arc<dyn Clock>,
        shutdown: Shutdown,
    ) -> std::io::Result<Self> {
        let socket = TcpListener::bind(listen).await?;
        let address = socket.local_addr()?;
        let key = keeper.verifier_key();
        let router = http::router(Arc::new(keeper), clock);
        shutdown.spawn(listener::serve(socket, router, tls, shutdown.clone()));
        Ok(Self { address, key, shutdown })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The key that checks its cosignatures.
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Stops: accepts nothing new, finishes what is under way.
    pub async fn stop(self) -> Result<(), Unfinished> {
        self.shutdown.begin();
        self.stopped().await
    }

    /// Waits until somebody stops it, and for what is under way.
    pub async fn stopped(self) -> Result<(), Unfinished> {
        self.shutdown.requested().await;
        self.shutdown.finished(PATIENCE).await
    }
}

#[cfg(test)]
mod tests;
