//! Starts and stops a gateway.
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use imp_api::connection::RefusalReport;
use imp_hardware::keystore::Keystore;
use imp_identity::Clock;
use imp_service::Shutdown;
use tokio::net::{TcpListener, TcpStream};

use super::config::{
    Direction, GatewayConfig, InvalidGatewayConfig, Route, RouteProtocol, port_of,
};
use super::enforcement::{Enforcement, EnforcementError};
use super::incoming::{Incoming, IncomingError};
use super::lanes::{Lane, Lanes};
use super::outgoing::{Outgoing, OutgoingError};
use super::reports::Reports;
use super::revocations::Revocations;
use super::shared::{Running, Shared};
use super::status::Tally;
use super::stopped::Stopped;
use super::{http, mllp, tcp, upkeep};
use crate::machine::{Device, DeviceCredentialsError};
use crate::state::{StateDirectory, StateError, StateLock};

/// How long to wait after an error that is not that of one connection: too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Handshakes at a time with machines that nobody has let in yet: they take no lane of those that are.
const STRANGERS: u16 = 512;

/// What a gateway is made of.
pub struct GatewayParts {
    /// What goes through.
    pub config: GatewayConfig,
    /// Where the device's certificate is, and what must outlive the gateway.
    pub state: StateDirectory,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where the device's key is.
    pub keystore: Arc<dyn Keystore>,
}

/// A gateway that runs.
pub struct Gateway {
    shared: Arc<Shared>,
    routes: Vec<Arc<Running>>,
    addresses: Vec<(String, SocketAddr)>,
    stop: Duration,
    _one_in_this_folder: StateLock,
}

/// The gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] InvalidGatewayConfig),
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// This machine is not enrolled, or its certificate cannot be used.
    #[error(transparent)]
    Credentials(#[from] DeviceCredentialsError),
    /// The kept policy cannot be read.
    #[error(transparent)]
    Policy(#[from] EnforcementError),
    /// What was sent before cannot be read.
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
    /// What was received before cannot be read.
    #[error(transparent)]
    Incoming(#[from] IncomingError),
    /// A port is taken, or not ours.
    #[error("the route `{route}` cannot listen on {address}")]
    Listen {
        /// Which route.
        route: String,
        /// Where.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
}

/// One place where connections arrive.
struct Door {
    running: Arc<Running>,
    listener: TcpListener,
    lanes: Arc<Lanes>,
    inside: bool,
}

impl Gateway {
    /// Listens on every route, and begins to keep policy, reports and certificate up to date.
    pub async fn start(parts: GatewayParts, shutdown: &Shutdown) -> Result<Self, GatewayError> {
        let GatewayParts { config, state, clock, keystore } = parts;
        config.check()?;
        let one_in_this_folder = state.lock()?;
        let device = Device::load(&state, keystore.as_ref(), clock.clone())?;
        let lists = &config.upkeep.revocation_lists;
        let revocations = Arc::new(Revocations::open(state.clone(), lists, &device.authorities()));
        let shared = Arc::new(Shared {
            enforcement: Enforcement::open(state.clone(), &device.stored, clock.now())?,
            reports: Reports::open(state.clone())?,
            outgoing: Arc::new(Outgoing::open(state.clone())?),
            incoming: Arc::new(Incoming::open(state.clone(), revocations.clone())?),
            revocations,
            device: RwLock::new(Arc::new(device)),
            news: tokio::sync::Notify::new(),
            hurried: AtomicBool::new(false),
            shutdown: shutdown.clone(),
            state,
            clock,
        });
        // A policy of now, if the server is there; else the kept one.
        upkeep::refresh_policy(&shared).await;
        let mut doors = Vec::new();
        for route in config.routes {
            doors.push(Door::open(&shared, route).await?);
        }
        let mut gateway = Self {
            routes: doors.iter().map(|door| door.running.clone()).collect(),
            addresses: vec![],
            stop: Duration::from_secs(config.upkeep.stop_seconds.into()),
            shared,
            _one_in_this_folder: one_in_this_folder,
        };
        for door in doors {
            let name = door.running.route.name.clone();
            gateway.addresses.extend(door.listener.local_addr().ok().map(|at| (name, at)));
            shutdown.spawn(door.serve());
        }
        let (shared, routes) = (gateway.shared.clone(), gateway.routes.clone());
        shutdown.spawn(upkeep::keep_up(shared, routes, config.upkeep));
        Ok(gateway)
    }

    /// Where each route listens.
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// How it stands.
    pub fn status(&self) -> super::GatewayStatus {
        upkeep::status(&self.shared, &self.routes)
    }

    /// Has the gateway look at once for another certificate and a later policy, and tell the server what waits: for SIGHUP. Connections go on.
    pub fn hurry(&self) -> impl Fn() + Send + 'static {
        let shared = self.shared.clone();
        move || shared.hurry()
    }

    /// Goes on with another certificate: connections that begin show it.
    pub fn renewed(&self, device: Device) {
        self.shared.replace(device);
    }

    /// The certificate that connections show now, in DER.
    pub fn certificate(&self) -> Vec<u8> {
        self.shared.device().identity.chain.first().cloned().unwrap_or_default()
    }

    /// The refusals that the server was not told yet, oldest first.
    pub fn refusals(&self) -> Vec<RefusalReport> {
        self.shared.reports.refusals()
    }

    /// Waits until everything has stopped, after the shutdown was begun, and writes what must be known afterwards.
    pub async fn stopped(self) -> Result<(), GatewayError> {
        self.shared.shutdown.requested().await;
        if let Err(unfinished) = self.shared.shutdown.finished(self.stop).await {
            // Sequences and memory stay as they are: with what is still running, they say less than all.
            tracing::warn!(error = %unfinished, "connections were cut off");
            self.shared.reports.store()?;
            return Ok(());
        }
        self.shared.outgoing.settle()?;
        self.shared.incoming.settle()?;
        self.shared.reports.store()?;
        Ok(())
    }
}

impl Door {
    async fn open(shared: &Arc<Shared>, route: Route) -> Result<Self, GatewayError> {
        let (address, inside, onward) = match route.direction() {
            Some(Direction::Out { listen, connect, .. }) => (listen, true, port_of(&connect)),
            Some(Direction::In { listen, .. }) => (listen, false, None),
            None => {
                let why = "its sides do not fit";
                return Err(InvalidGatewayConfig::Route { route: route.name, why }.into());
            }
        };
        let listening = TcpListener::bind(&address).await.and_then(|listener| {
            let at = listener.local_addr()?;
            Ok((listener, at))
        });
        let (listener, at) = listening.map_err(|source| GatewayError::Listen {
            route: route.name.clone(),
            address,
            source,
        })?;
        let tally = Tally::new(&route, at.to_string());
        let lanes = Lanes::new(if inside { route.limits.connections } else { STRANGERS });
        let guests = Lanes::new(route.limits.connections);
        let port = onward.unwrap_or_else(|| at.port());
        let running = Arc::new(Running { shared: shared.clone(), route, port, tally, guests });
        Ok(Self { running, listener, lanes, inside })
    }

    /// Takes connections until the gateway stops.
    async fn serve(self) {
        let token = self.running.shared.shutdown.token();
        while let Some(accepted) = token.run_until_cancelled(self.listener.accept()).await {
            match accepted {
                Ok((tcp, address)) => self.take(tcp, address),
                Err(error) => {
                    tracing::warn!(error = %error, "no connection can be taken");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn take(&self, tcp: TcpStream, address: SocketAddr) {
        let running = self.running.clone();
        let route = running.route.name.clone();
        let only = &running.route.inside.only_from;
        if self.inside && !only.is_empty() && !only.contains(&address.ip().to_canonical()) {
            tracing::warn!(route, %address, "a connection from an address that may not connect");
            running.tally.stopped("address");
            return;
        }
        let Some(lane) = self.lanes.take() else {
            tracing::warn!(route, %address, "there are as many connections as the route allows");
            running.tally.stopped("full");
            return;
        };
        let inside = self.inside;
        let shutdown = running.shared.shutdown.clone();
        shutdown.spawn(async move {
            let _counted = running.tally.connected();
            if let Err(stopped) = serve(&running, tcp, address, (inside, &lane)).await {
                running.tally.stopped(stopped.word());
                log(&route, address, &stopped);
            }
        });
    }
}

async fn serve(
    running: &Arc<Running>,
    tcp: TcpStream,
    address: SocketAddr,
    (inside, lane): (bool, &Lane),
) -> Result<(), Stopped> {
    match (running.route.protocol, inside) {
        (RouteProtocol::Mllp, true) => mllp::serve_inside(running, tcp, lane).await,
        (RouteProtocol::Mllp, false) => mllp::serve_outside(running, tcp, address).await,
        (RouteProtocol::Http, true) => http::serve_inside(running, tcp, lane).await,
        (RouteProtocol::Http, false) => http::serve_outside(running, tcp, address).await,
        (RouteProtocol::Tcp, true) => tcp::serve_inside(running, tcp).await,
        (RouteProtocol::Tcp, false) => tcp::serve_outside(running, tcp, address).await,
    }
}

fn log(route: &str, address: SocketAddr, stopped: &Stopped) {
    let cause = std::error::Error::source(stopped).map(ToString::to_string);
    let reason = stopped.word();
    tracing::info!(route, %address, reason, error = %stopped, cause, "a connection ended early");
}
