//! What two gateways cost: milliseconds that an HL7 message takes more than without them, and messages a second; beside two `stunnel`, which
//! protect the channel and nothing else. Sender, application and each gateway or stunnel are on the same machine; the latter are
//! processes of their own.
//!
//! `cargo bench -p imp-client --bench gateway -- [--seconds N] [--connections N] [--bytes N]`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "a bench prints, and shares what tests are made of"
)]
#[path = "gateway/load.rs"]
mod load;
#[path = "gateway/stunnel.rs"]
mod stunnel;
#[path = "../src/gateway/testing.rs"]
mod testing;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use imp_connection::{Endpoint, Ports, Protocol, Purpose, Rule, RuleId};
use testing::{Hospital, name};

/// What is measured, and how.
struct Wanted {
    time: Duration,
    connections: usize,
    bytes: usize,
}

/// A program that ends with the bench.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

fn wanted() -> Wanted {
    let mut wanted = Wanted { time: Duration::from_secs(10), connections: 8, bytes: 2048 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|n| n.parse::<u64>().ok()).expect("a number");
        match word.as_str() {
            "--seconds" => wanted.time = Duration::from_secs(number()),
            "--connections" => wanted.connections = usize::try_from(number()).unwrap(),
            "--bytes" => wanted.bytes = usize::try_from(number()).unwrap(),
            // Cargo says so.
            _ => {}
        }
    }
    wanted
}

fn main() {
    let wanted = wanted();
    let application = load::application();
    let (bytes, connections) = (wanted.bytes, wanted.connections);
    println!("HL7 messages of {bytes} bytes, one after the other and on {connections} connections");
    let direct = load::run("without anything between", application, &wanted);
    let hospital = Hospital::new();
    let (_receiving, receiving) = gateway(&hospital, 2, &inward(application));
    let (_sending, sending) = gateway(&hospital, 1, &outward(receiving));
    let gateways = load::run("two imp-client gateways (signed)", sending, &wanted);
    println!("{:<36} {:>9.3} ms a message more", "", gateways - direct);
    match stunnel::pair(application) {
        Some((_both, address)) => {
            let stunnels = load::run("two stunnel (channel only)", address, &wanted);
            println!("{:<36} {:>9.3} ms a message more", "", stunnels - direct);
        }
        None => println!("stunnel is not installed: tests/setup/debian.sh bench"),
    }
}

fn rule() -> Rule {
    let endpoint = |number| name(number).to_string().parse::<Endpoint>().unwrap();
    Rule {
        id: "bench".parse::<RuleId>().unwrap(),
        from: endpoint(1),
        to: endpoint(2),
        protocol: Protocol::Tcp,
        ports: Ports::ALL,
        purpose: "bench".parse::<Purpose>().unwrap(),
        until: None,
    }
}

fn inward(application: SocketAddr) -> String {
    format!("outside.listen = \"127.0.0.1:0\"\ninside.connect = \"{application}\"\n")
}

fn outward(receiving: SocketAddr) -> String {
    let peer = name(2);
    format!(
        "inside.listen = \"127.0.0.1:0\"\noutside.connect = \"{receiving}\"\npeers = [\"{peer}\"]\n"
    )
}

/// Starts a gateway with one route; where it listens.
fn gateway(hospital: &Hospital, number: u8, route: &str) -> (Program, SocketAddr) {
    let state = hospital.folder(number, &[rule()]);
    let routes = state.path("gateway.toml");
    let text = format!(
        "[[route]]\nname = \"bench\"\nprotocol = \"mllp\"\nlimits.connections = 100\n{route}"
    );
    std::fs::write(&routes, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_imp-client"));
    command.arg("--state").arg(state.root()).args(["gateway", "--routes"]).arg(routes);
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = piped.spawn().expect("the gateway starts");
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let address = line.trim().rsplit(' ').next().unwrap().parse().expect("an address");
    (Program(child), address)
}
