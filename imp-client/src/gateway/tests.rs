//! Gateways over loopback, with a device and an application that speak plainly, and somebody in the middle who has a certificate.
mod carried;
mod messages;
mod middle;
mod refused;

use std::net::SocketAddr;
use std::time::Duration;

use imp_api::connection::RefusalReport;
use imp_connection::{Endpoint, Ports, Protocol, Purpose, Rule, RuleId};
use imp_identity::clock::SystemClock;
use imp_message::mllp::{MllpDecoder, encode};
use imp_service::Shutdown;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::config::{GatewayConfig, Inside, OnFailure, Route, RouteLimits, RouteProtocol, Side};
use super::start::{Gateway, GatewayParts};
use super::testing::{Hospital, LEGACY, name};
use crate::state::StateDirectory;

const MESSAGE: &str = "MSH|^~\\&|LAB|HOSP|EHR|HOSP|20261122080000||ORU^R01|4711|P|2.5\rPID|1\r";
const SENDER: u8 = 1;
const RECEIVER: u8 = 2;
const MIDDLE: u8 = 3;

/// A gateway that runs.
struct Running {
    gateway: Gateway,
    shutdown: Shutdown,
    address: SocketAddr,
}

impl Running {
    async fn start(hospital: &Hospital, number: u8, state: StateDirectory, route: Route) -> Self {
        let config = GatewayConfig { routes: vec![route], ..GatewayConfig::default() };
        Self::start_with(hospital, number, state, config).await
    }

    async fn start_with(
        hospital: &Hospital,
        number: u8,
        state: StateDirectory,
        config: GatewayConfig,
    ) -> Self {
        let shutdown = Shutdown::new();
        let keystore = hospital.keystore(number);
        let parts =
            GatewayParts { config, state, clock: std::sync::Arc::new(SystemClock), keystore };
        let gateway = Gateway::start(parts, &shutdown).await.unwrap();
        let address = gateway.addresses()[0].1;
        Self { gateway, shutdown, address }
    }

    /// What waits for the server, with the word of each.
    fn refusals(&self) -> Vec<String> {
        let waiting = self.gateway.refusals();
        waiting
            .iter()
            .map(|report| match report {
                RefusalReport::Connection { from, to, reason, let_through, .. } => {
                    format!("connection {} {} {reason} {let_through}", number(from), number(to))
                }
                RefusalReport::Machine { peer, reason, .. } => format!("machine {peer} {reason}"),
                RefusalReport::Message { sender, reason, .. } => {
                    let sender = sender.parse().map(|id| number(&id)).unwrap_or_default();
                    format!("message {sender} {reason}")
                }
            })
            .collect()
    }

    async fn stop(self) {
        self.shutdown.begin();
        self.gateway.stopped().await.unwrap();
    }
}

/// The last two digits of a device's name.
fn number(id: &imp_identity::spiffe::SpiffeId) -> u8 {
    let text = id.to_string();
    u8::from_str_radix(&text[text.len() - 2..], 16).unwrap()
}

fn route(protocol: RouteProtocol, inside: Inside, outside: Side) -> Route {
    Route {
        name: "results".to_owned(),
        protocol,
        inside,
        outside,
        peers: vec![],
        signers: vec![],
        receiver: None,
        on_failure: OnFailure::Closed,
        legacy: true,
        limits: RouteLimits::default(),
    }
}

/// From a device to `peer`.
fn outward(protocol: RouteProtocol, to: SocketAddr, peer: u8) -> Route {
    let inside = Inside { listen: Some("127.0.0.1:0".to_owned()), ..Inside::default() };
    let outside = Side { connect: Some(to.to_string()), ..Side::default() };
    Route { peers: vec![name(peer)], ..route(protocol, inside, outside) }
}

/// From peers to an application.
fn inward(protocol: RouteProtocol, to: SocketAddr) -> Route {
    let inside = Inside { connect: Some(to.to_string()), ..Inside::default() };
    let outside = Side { listen: Some("127.0.0.1:0".to_owned()), ..Side::default() };
    route(protocol, inside, outside)
}

/// That the one may connect to the other, on every port.
fn rule(from: u8, to: u8) -> Rule {
    let endpoint = |number| name(number).to_string().parse::<Endpoint>().unwrap();
    Rule {
        id: format!("r{from}-{to}").parse::<RuleId>().unwrap(),
        from: endpoint(from),
        to: endpoint(to),
        protocol: Protocol::Tcp,
        ports: Ports::ALL,
        purpose: "results".parse::<Purpose>().unwrap(),
        until: None,
    }
}

/// A device that speaks MLLP.
struct Sender {
    stream: TcpStream,
    decoder: MllpDecoder,
}

impl Sender {
    async fn connect(to: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(to).await.unwrap(), decoder: MllpDecoder::new(1 << 20) }
    }

    /// Sends a message and waits for the answer, which is text.
    async fn send(&mut self, message: &str) -> String {
        self.stream.write_all(&encode(message.as_bytes())).await.unwrap();
        read(&mut self.stream, &mut self.decoder).await.expect("an answer")
    }
}

async fn read(stream: &mut TcpStream, decoder: &mut MllpDecoder) -> Option<String> {
    let mut buffer = [0; 1024];
    loop {
        if let Some(message) = decoder.message().unwrap() {
            return Some(String::from_utf8(message).unwrap());
        }
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut buffer));
        match read.await.expect("something is said in time").unwrap_or(0) {
            0 => return None,
            read => decoder.feed(&buffer[..read]),
        }
    }
}

/// Runs as long as its test.
#[expect(clippy::disallowed_methods, reason = "it ends with the runtime of its test")]
fn in_the_background(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::task::spawn(task));
}

/// An application that takes HL7 and says `AA` to everything; what it got.
async fn application() -> (SocketAddr, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (got, taken) = unbounded_channel();
    let serve = async move {
        while let Ok((stream, _)) = listener.accept().await {
            in_the_background(acknowledge(stream, got.clone()));
        }
    };
    in_the_background(serve);
    (address, taken)
}

async fn acknowledge(mut stream: TcpStream, got: UnboundedSender<String>) {
    let mut decoder = MllpDecoder::new(1 << 20);
    while let Some(message) = read(&mut stream, &mut decoder).await {
        let id = message.split('|').nth(9).unwrap_or_default().to_owned();
        let _nobody_listens = got.send(message);
        let answer = format!("MSH|^~\\&|EHR|HOSP|LAB|HOSP|||ACK|{id}|P|2.5\rMSA|AA|{id}\r");
        if stream.write_all(&encode(answer.as_bytes())).await.is_err() {
            return;
        }
    }
}
