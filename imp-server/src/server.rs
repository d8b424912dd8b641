//! A running server.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use imp_identity::invitation::Code;
use imp_identity::{Actor, Clock, Digest};
use imp_service::Shutdown;
use imp_service::shutdown::Unfinished;
use imp_storage::StorageError;
use tokio::net::{TcpListener, TcpSocket};

use crate::app::{self, App, OpenError};
use crate::command::{self, AdministratorCode};
use crate::config::Config;
use crate::{http, job};

mod connection;
mod idle;
mod listener;
mod places;
mod share;

use listener::Entrance;

/// The most connections that wait to be accepted, as when a ward comes back after a cut: what Linux allows by itself
/// (`net.core.somaxconn`).
const WAITING: u32 = 4096;
/// How long requests under way may take to finish when the server stops.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server. Dropping it does not stop it: see [`Server::stop`].
pub struct Server {
    app: App,
    address: SocketAddr,
    est: Option<SocketAddr>,
    revocation: Option<SocketAddr>,
    administrator: Option<AdministratorCode>,
    shutdown: Shutdown,
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The configured one.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Configuration, keys or database cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The installation cannot be recorded.
    #[error("the installation cannot be recorded")]
    Initialise(#[source] StorageError),
    /// There is no key to sign tokens with.
    #[error("tokens cannot be signed")]
    Keys(#[source] command::KeepKeysError),
    /// There is no certificate to show.
    #[error("HTTPS cannot be offered")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<command::ShowListenerError> for StartError {
    fn from(error: command::ShowListenerError) -> Self {
        Self::Tls(error.into())
    }
}

/// Listens at an address; the port may be chosen by the system.
fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    open(address).map_err(|source| StartError::Listen { address, source })
}

fn open(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let new = if address.is_ipv4() { TcpSocket::new_v4 } else { TcpSocket::new_v6 };
    let socket = new()?;
    // A server that starts anew finds its port though old connections have not quite gone.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let socket = socket.listen(WAITING)?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

fn listen_if(address: Option<SocketAddr>) -> Result<Option<(TcpListener, SocketAddr)>, StartError> {
    address.map(listen).transpose()
}

impl Server {
    /// Starts a server in this process: listens, opens keys and database, creates them at the first start, and answers
    /// until [`Server::stop`].
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::start_with(config, clock, Shutdown::new()).await
    }

    /// Starts a server whose end is also `shutdown`'s.
    pub(crate) async fn start_with(
        config: Config,
        clock: Arc<dyn Clock>,
        shutdown: Shutdown,
    ) -> Result<Self, StartError> {
        let (socket, address) = listen(config.http.listen)?;
        let est = listen_if(config.est.listen)?;
        let revocation = listen_if(config.revocation.listen)?;
        let app = Box::pin(App::open(config, clock, address.port())).await?;
        let mut rng = app::rng();
        let ca = app.keys.fingerprint();
        let administrator =
            command::initialise_server(&mut app.context(&mut rng), &Actor::Server, ca).await;
        let administrator = administrator.map_err(StartError::Initialise)?;
        let policies = app.gate.access.digest();
        let adopted = command::adopt_policies(&mut app.context(&mut rng), policies).await;
        if adopted.map_err(StartError::Initialise)? {
            tracing::info!(%policies, "other authorization policies count than at the last start");
        }
        // What is wrong with the certificate shows at the start, not at the first connection.
        command::renew_listener(&mut app.context(&mut rng), &app.keys, &app.clock).await?;
        command::keep_signing_keys(&mut app.context(&mut rng), &app.oauth)
            .await
            .map_err(StartError::Keys)?;
        let router = http::router::router(app.clone());
        let door = |entrance, socket, router| {
            shutdown.spawn(listener::serve(
                entrance,
                socket,
                app.clone(),
                router,
                shutdown.clone(),
            ));
        };
        door(Entrance::Machines, socket, router);
        let (est, revocation) = (est.unzip(), revocation.unzip());
        if let Some(socket) = est.0 {
            door(Entrance::Newcomers, socket, http::est::router(app.clone()));
        }
        if let Some(socket) = revocation.0 {
            door(Entrance::Anybody, socket, http::publication::router(app.clone()));
        }
        job::start(&app, &shutdown);
        let (est, revocation) = (est.1, revocation.1);
        Ok(Self { app, address, est, revocation, administrator, shutdown })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where devices enrol by EST.
    pub const fn est_address(&self) -> Option<SocketAddr> {
        self.est
    }

    /// Where anybody learns which certificates count.
    pub const fn revocation_address(&self) -> Option<SocketAddr> {
        self.revocation
    }

    /// What machines call it, as in invitations.
    pub fn url(&self) -> &str {
        &self.app.url
    }

    /// SHA-256 of the root certificate.
    pub fn ca(&self) -> Digest {
        self.app.keys.fingerprint()
    }

    /// The one-time administrator token, while there is no administrator.
    pub fn administrator_code(&self) -> Option<&Code> {
        self.administrator.as_ref().map(|administrator| &administrator.code)
    }

    /// Its parts.
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// Stops: accepts nothing new, finishes what is under way, closes the database.
    pub async fn stop(self) -> Result<(), Unfinished> {
        self.shutdown.begin();
        self.stopped().await
    }

    /// Waits until somebody stops it, and for what is under way.
    pub(crate) async fn stopped(self) -> Result<(), Unfinished> {
        self.shutdown.requested().await;
        let finished = self.shutdown.finished(PATIENCE).await;
        self.app.storage.close().await;
        finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_listens_at_addresses_of_both_kinds_that_nobody_else_has() {
        for wanted in ["127.0.0.1:0", "[::1]:0"] {
            let (_socket, address) = listen(wanted.parse().unwrap()).unwrap();
            assert_ne!(address.port(), 0);
            let refused = listen(address).unwrap_err();
            assert!(matches!(refused, StartError::Listen { address: of, .. } if of == address));
        }
    }
}
