//! HL7 v2 between two gateways: a device and an application of the Python library `hl7`, and an integration engine between the gateways that
//! goes bad. What is wrong is refused, each with its own reason, and the server's log says so.
mod engine;
mod machines;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;

use imp_client::gateway::GatewayConfig;
use imp_client::m2m::{FileToSign, sign_file};
use imp_identity::Event;
use imp_identity::connection::{MachineRefusal, MessageRefusal};
use imp_tests::process::{PATIENCE, POLL, Running};
use imp_tests::world::World;
use imp_tests::{python, source_tree};
use jiff::SignedDuration;

use engine::{Engine, Mischief};
use machines::{Enrolled, enrol, expect_connections, stranger, try_to_connect};

/// The application: it prints what it got.
fn receiver() -> (Running, SocketAddr) {
    let mut command = python::command().unwrap();
    command.arg(source_tree::root().join("tests/foreign/hl7_receiver.py"));
    let running = Running::start("hl7_receiver.py", &mut command).unwrap();
    let port = |line: &str| line.strip_prefix("listening on ")?.parse().ok();
    let port: u16 = running.line(port).unwrap();
    (running, SocketAddr::from(([127, 0, 0, 1], port)))
}

/// Sends results from a device: `ID VALUE` each; what is answered: `CODE ID REASON`.
async fn send(to: SocketAddr, results: &str) -> Vec<String> {
    let mut command = python::command().unwrap();
    command.arg(source_tree::root().join("tests/foreign/hl7_sender.py")).arg(to.port().to_string());
    let results = results.to_owned();
    let work = move || {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        child.stdin.take().unwrap().write_all(results.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let said = tokio::task::spawn_blocking(work).await.unwrap();
    said.lines().map(str::to_owned).collect()
}

fn routes(text: &str) -> GatewayConfig {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let head = "[upkeep]\nreport_seconds = 1\npolicy_seconds = 1\n[[route]]\nname = \"results\"\nprotocol = \"mllp\"\nlegacy = true\n";
    std::fs::write(&file, format!("{head}{text}")).unwrap();
    GatewayConfig::load(&file, std::iter::empty()).unwrap()
}

/// What the log says of refusals, from an index on: `(event, who, reason)`.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other events are no refusals")]
async fn refusals(world: &World, from: u64) -> Vec<(&'static str, String, String)> {
    let events = world.events().await.into_iter().filter(|entry| entry.index >= from);
    let told = events.filter_map(|entry| match entry.record.event {
        Event::MachineRefused { peer, reason, .. } => {
            Some(("machine-refused", peer, reason.to_string()))
        }
        Event::MessageRefused { sender, reason, .. } => {
            Some(("message-refused", sender, reason.to_string()))
        }
        Event::ConnectionUnexpected { machine, peer, outcome } => {
            Some(("connection-unexpected", format!("{machine} {peer}"), outcome.to_string()))
        }
        _ => None,
    });
    told.collect()
}

/// The control identifiers of the messages that the application got, in order.
fn messages(application: &Running) -> Vec<String> {
    let said = application.said();
    let got = said.lines().filter_map(|line| line.strip_prefix("got "));
    got.map(|rest| rest.split(' ').next().unwrap_or_default().to_owned()).collect()
}

/// Waits until the log tells of each of `wanted` (kind, whom it names, reason) once since `from`, and of nothing else.
async fn until_told(world: &World, from: u64, wanted: &[(&str, String, String)]) {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let told = refusals(world, from).await;
        let matches = |(event, who, reason): &(&str, String, String)| {
            told.iter()
                .filter(|(e, w, r)| e == event && w.contains(who.as_str()) && r == reason)
                .count()
                == 1
        };
        if told.len() == wanted.len() && wanted.iter().all(matches) {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "{told:?} instead of {wanted:?}");
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test]
async fn four_refusals_four_reasons_four_events() {
    let world = World::start().await;
    let lab = enrol(&world, "lab-gateway").await;
    let ehr = enrol(&world, "ehr-gateway").await;
    let middle = enrol(&world, "integration-engine").await;
    let stray = enrol(&world, "stray").await;
    expect_connections(&world, &[(&lab, &middle), (&middle, &ehr)]).await;

    let (application, at) = receiver();
    let text = format!(
        "outside.listen = \"127.0.0.1:0\"\ninside.connect = \"{at}\"\nsigners = [\"{}\"]\nlimits.message_age_seconds = 60\n",
        lab.spiffe_id()
    );
    let (receiving, receiving_at) = ehr.gateway(&world, routes(&text)).await;
    let engine = Engine::start(&middle, &world, receiving_at).await;
    let text = format!(
        "inside.listen = \"127.0.0.1:0\"\noutside.connect = \"{}\"\npeers = [\"{}\"]\nreceiver = \"{}\"\n",
        engine.address,
        middle.spiffe_id(),
        ehr.spiffe_id()
    );
    let (sending, sending_at) = lab.gateway(&world, routes(&text)).await;
    let from = world.events().await.last().map_or(0, |entry| entry.index + 1);

    assert_eq!(send(sending_at, "A1 5.1\nA2 5.2\n").await, ["AA A1 ", "AA A2 "]);
    engine.plan(&[Mischief::Alter, Mischief::None, Mischief::Replay, Mischief::None]);
    let said = send(sending_at, "B1 5.1\nB2 5.1\nB3 5.1\nB4 5.1\n").await;
    assert!(said[0].starts_with("AR B1 altered"), "{said:?}");
    assert_eq!(said[1], "AA B2 ");
    assert!(said[2].starts_with("AR B3 replayed"), "{said:?}");
    assert_eq!(said[3], "AA B4 ");
    engine.plan(&[Mischief::Hold, Mischief::None, Mischief::Held]);
    let said = send(sending_at, "C1 5.1\nC2 5.1\nC3 5.1\n").await;
    assert!(said[0].starts_with("AR C1 unavailable"), "{said:?}");
    assert_eq!(said[1], "AA C2 ");
    assert!(said[2].starts_with("AR C3 reordered"), "{said:?}");
    // Kept back for longer than the receiver lets a message be old, and then sent on in its right place.
    engine.plan(&[Mischief::Hold]);
    let said = send(sending_at, "D1 5.1\n").await;
    assert!(said[0].starts_with("AR D1 unavailable"), "{said:?}");
    world.clock.advance(SignedDuration::from_secs(61));
    engine.plan(&[Mischief::Held, Mischief::None]);
    let said = send(sending_at, "D2 5.1\nD3 5.1\n").await;
    assert!(said[0].starts_with("AR D2 late"), "{said:?}");
    assert_eq!(said[1], "AA D3 ");

    assert!(!try_to_connect(&stray.machines(&world), receiving_at).await);
    let unknown = stranger(&world, &lab);
    assert!(!try_to_connect(&unknown, receiving_at).await);

    let sender = lab.spiffe_id();
    let wanted = [
        ("message-refused", sender.clone(), MessageRefusal::Altered.to_string()),
        ("message-refused", sender.clone(), MessageRefusal::Replayed.to_string()),
        ("message-refused", sender.clone(), MessageRefusal::Reordered.to_string()),
        ("message-refused", sender.clone(), MessageRefusal::Late.to_string()),
        (
            "connection-unexpected",
            format!("{} {}", stray.spiffe_id(), ehr.spiffe_id()),
            "refused".to_owned(),
        ),
        (
            "machine-refused",
            format!("{sender} (127.0.0.1)"),
            MachineRefusal::UnknownIssuer.to_string(),
        ),
    ];
    until_told(&world, from, &wanted).await;
    // Nothing reached the application but what was accepted, once each.
    assert_eq!(messages(&application), ["A1", "A2", "B2", "B4", "C2", "D3"]);
    sending.stop().await;
    receiving.stop().await;
    world.end().await;
}

#[tokio::test]
async fn another_library_verifies_a_file_that_was_signed() {
    let world = World::start().await;
    let (lab, ehr) = (enrol(&world, "lab").await, enrol(&world, "ehr").await);
    let path = world.folder.path().join("bundle.json");
    let bundle = br#"{"resourceType":"Bundle","type":"message"}"#;
    std::fs::write(&path, bundle).unwrap();
    let file = FileToSign {
        path: &path,
        receiver: ehr.spiffe_id().parse().unwrap(),
        stream: "bundles".parse().unwrap(),
        content_type: "application/fhir+json".to_owned(),
    };
    let signature = sign_file(&lab.state, &lab.device(&world), &file, world.now()).unwrap();
    let signature = signature.to_str().unwrap();
    let verdict = python::script("detached.py", &[signature], bundle).unwrap();
    assert!(verdict.accepted, "{}", verdict.said);
    assert!(verdict.said.contains(&lab.spiffe_id()), "{}", verdict.said);
    let verdict = python::script("detached.py", &[signature], b"{}").unwrap();
    assert!(!verdict.accepted, "{}", verdict.said);
    world.end().await;
}

impl Enrolled {
    fn spiffe_id(&self) -> String {
        self.spiffe_id.to_string()
    }
}
