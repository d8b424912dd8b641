//! Devices at the real programs: `imp-client machine`, `imp-client m2m` and `imp-client gateway` beside `imp-server`.
use std::path::{Path, PathBuf};
use std::process::Command;

use imp_tests::demo::Narrator;
use imp_tests::demo::hospital::Hospital;
use imp_tests::process::{self, Finished, Running};
use serde_json::Value;

mod mllp;

use mllp::{Application, Sender};

/// A server that also speaks EST.
struct House<'a> {
    hospital: Hospital<'a>,
    folder: &'a Path,
    est: String,
}

impl<'a> House<'a> {
    fn open(folder: &'a Path, narrator: &'a Narrator) -> Self {
        let mut hospital = Hospital::new(folder, "hospital", narrator).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = std::fs::read_to_string(hospital.config()).unwrap();
        let config = format!("{config}\n[est]\nlisten = \"{free}\"\n");
        std::fs::write(hospital.config(), config).unwrap();
        hospital.open().unwrap();
        Self { hospital, folder, est: format!("https://localhost:{}", free.port()) }
    }

    /// A device in the inventory, and a technician's invitation for it.
    fn invite(&self, name: &str, class: &str) -> String {
        let number = format!("SN-{name}");
        let add = ["device", "add", name, class, "--serial-number", &number];
        self.hospital.administer(&add).unwrap();
        let printed = self.hospital.administer(&["device", "invite", name]).unwrap();
        printed.trim_end().lines().last().unwrap().to_owned()
    }

    fn device(&self, name: &str) -> Device {
        Device { state: self.folder.join(name) }
    }

    fn enrolled(&self, name: &str) -> Device {
        let device = self.device(name);
        device.succeeds(&["machine", "enrol", &self.invite(name, "gateway")]);
        device
    }
}

/// A machine, by the folder where it keeps things.
struct Device {
    state: PathBuf,
}

impl Device {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(process::binary("imp-client"));
        command.arg("--state").arg(&self.state).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        process::run(&mut self.command(arguments)).unwrap()
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let Finished { code, stdout, stderr } = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {stdout}{stderr}");
        stdout
    }

    /// It ends with 1, something is not accepted; what it complained of.
    fn fails(&self, arguments: &[&str]) -> String {
        self.ends_with(1, arguments)
    }

    /// It ends with 2, it could not be done; what it complained of.
    fn cannot(&self, arguments: &[&str]) -> String {
        self.ends_with(2, arguments)
    }

    fn ends_with(&self, expected: i32, arguments: &[&str]) -> String {
        let Finished { code, stdout, stderr } = self.run(arguments);
        assert_eq!(code, Some(expected), "{arguments:?}: {stdout}{stderr}");
        format!("{stdout}{stderr}")
    }

    fn status(&self) -> Value {
        let finished = self.run(&["machine", "status", "--json"]);
        serde_json::from_str(&finished.stdout).unwrap()
    }

    fn name(&self) -> String {
        self.status()["spiffe_id"].as_str().unwrap().to_owned()
    }

    fn certificate(&self) -> Value {
        let stored = std::fs::read(self.state.join("device.json")).unwrap();
        let stored: Value = serde_json::from_slice(&stored).unwrap();
        stored["enrolled"]["certificate_chain"][0].clone()
    }
}

#[test]
fn a_machine_enrols_once_renews_and_says_how_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let narrator = Narrator::silent();
    let house = House::open(folder.path(), &narrator);
    let device = house.device("lab");
    let said = device.cannot(&["machine", "status"]);
    assert!(said.contains("not enrolled"), "{said}");
    let invitation = house.invite("lab", "gateway");
    let said = device.succeeds(&["machine", "enrol", &invitation]);
    assert!(said.contains("This machine is enrolled as spiffe://"), "{said}");
    let said = device.cannot(&["machine", "enrol", &invitation]);
    assert!(said.contains("enrolled already"), "{said}");
    assert_eq!(device.status()["certificate"], "good");
    let said = device.succeeds(&["machine", "renew"]);
    assert!(said.contains("not to be renewed before"), "{said}");
    let first = device.certificate();
    device.succeeds(&["machine", "renew", "--now"]);
    assert_ne!(device.certificate(), first);
    // Out of use: the server renews nothing, and it is no use to try again.
    house.hospital.administer(&["device", "suspend", "lab", "--reason", "a test"]).unwrap();
    let said = device.cannot(&["machine", "renew", "--now"]);
    assert!(said.contains("did not renew"), "{said}");
}

#[test]
fn a_machine_enrols_and_renews_over_est() {
    let folder = tempfile::tempdir().unwrap();
    let narrator = Narrator::silent();
    let house = House::open(folder.path(), &narrator);
    let (device, invitation) = (house.device("analyser"), house.invite("analyser", "gateway"));
    let enrol = |name: &str| {
        let over = ["machine", "enrol", &invitation, "--est", &house.est, "--name", name];
        device.run(&over)
    };
    let refused = enrol("SN-somebody-else");
    assert_eq!(refused.code, Some(2), "{}{}", refused.stdout, refused.stderr);
    assert!(refused.stderr.contains("401"), "{}", refused.stderr);
    let enrolled = enrol("SN-analyser");
    assert_eq!(enrolled.code, Some(0), "{}{}", enrolled.stdout, enrolled.stderr);
    let status = device.status();
    assert_eq!(
        (&status["est"], &status["certificate"]),
        (&house.est.clone().into(), &"good".into())
    );
    let first = device.certificate();
    device.succeeds(&["machine", "renew", "--now"]);
    assert_ne!(device.certificate(), first);
    // The certificate is one like any other: what it signs is believed.
    let other = house.enrolled("other");
    let file = folder.path().join("result");
    std::fs::write(&file, "5.1").unwrap();
    let file = file.to_str().unwrap();
    device.succeeds(&["m2m", "sign", file, "--to", &other.name()]);
    other.succeeds(&["m2m", "verify", file, "--from", &device.name()]);
    // A second person where the class wants one.
    let (pump, invitation) = (house.device("pump"), house.invite("pump", "infusion-pump"));
    let over = ["machine", "enrol", &invitation, "--est", &house.est, "--name", "SN-pump"];
    let said = pump.fails(&over);
    assert!(said.contains("A second person has to approve"), "{said}");
    assert!(pump.cannot(&["machine", "status"]).contains("not enrolled"));
}

#[test]
fn files_are_refused_each_with_its_own_reason() {
    let folder = tempfile::tempdir().unwrap();
    let narrator = Narrator::silent();
    let house = House::open(folder.path(), &narrator);
    let (lab, ehr, stray) = (house.enrolled("lab"), house.enrolled("ehr"), house.enrolled("stray"));
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [first, second, third] = ["first.hl7", "second.hl7", "third.hl7"].map(path);
    let to = ehr.name();
    for file in [&first, &second, &third] {
        std::fs::write(file, format!("MSH|^~\\&|{file}\r")).unwrap();
        lab.succeeds(&["m2m", "sign", file, "--to", &to]);
    }
    let verify =
        |file: &str, more: &[&str]| ehr.fails(&[&["m2m", "verify", file][..], more].concat());
    let said = verify(&first, &["--max-age", "0"]);
    assert!(said.contains("refused, late:"), "{said}");
    let said = ehr.succeeds(&["m2m", "verify", &second, "--in-order"]);
    assert!(said.contains(&format!("sent by {}", lab.name())), "{said}");
    let said = verify(&second, &[]);
    assert!(said.contains("refused, replayed:"), "{said}");
    let said = verify(&first, &["--in-order"]);
    assert!(said.contains("refused, reordered:"), "{said}");
    std::fs::write(&third, "MSH|^~\\&|another\r").unwrap();
    let said = verify(&third, &[]);
    assert!(said.contains("refused, altered:"), "{said}");
    let said = verify(&first, &["--from", &stray.name()]);
    assert!(said.contains("refused, unknown-sender:"), "{said}");
    let said = stray.fails(&["m2m", "verify", &first]);
    assert!(said.contains("refused, misdirected:"), "{said}");
    std::fs::write(format!("{third}.jws"), "no signature").unwrap();
    let printed = ehr.run(&["m2m", "verify", &third, "--json"]);
    let printed: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!((&printed["accepted"], &printed["reason"]), (&false.into(), &"malformed".into()));
    // Nothing of that used up the first: out of order it is accepted, once.
    ehr.succeeds(&["m2m", "verify", &first]);
    assert!(verify(&first, &[]).contains("refused, replayed:"));
}

/// Runs a gateway with one route of HL7 v2; where it listens.
fn gateway(device: &Device, route: &str) -> (Running, std::net::SocketAddr) {
    let file = device.state.join("gateway.toml");
    let head = "[upkeep]\npolicy_seconds = 1\nreport_seconds = 1\n[[route]]\nname = \"results\"\nprotocol = \"mllp\"\n";
    std::fs::write(&file, format!("{head}{route}")).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(device.succeeds(&["gateway", "--routes", file, "--check"]), "1 routes\n");
    let mut command = device.command(&["gateway", "--routes", file]);
    let running = Running::start("imp-client gateway", &mut command).unwrap();
    let at = |line: &str| line.strip_prefix("results listening on ")?.parse().ok();
    let at = running.line(at).unwrap();
    (running, at)
}

fn hang_up(running: &Running) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(running.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
}

#[test]
fn gateways_carry_messages_and_take_up_another_certificate_without_dropping_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let narrator = Narrator::silent();
    let house = House::open(folder.path(), &narrator);
    let (lab, ehr) = (house.enrolled("lab"), house.enrolled("ehr"));
    let rules = folder.path().join("rules.csv");
    let table = "id,from,to,protocol,ports,purpose,until\nresults,class:gateway,class:gateway,tcp,*,results,\n";
    std::fs::write(&rules, table).unwrap();
    house.hospital.administer(&["connection", "import", rules.to_str().unwrap()]).unwrap();

    let application = Application::open();
    let route = format!(
        "outside.listen = \"127.0.0.1:0\"\ninside.connect = \"{}\"\nsigners = [\"{}\"]\n",
        application.address,
        lab.name()
    );
    let (receiving, at) = gateway(&ehr, &route);
    let route = format!(
        "inside.listen = \"127.0.0.1:0\"\noutside.connect = \"{at}\"\npeers = [\"{}\"]\nlegacy = true\n",
        ehr.name()
    );
    let (sending, at) = gateway(&lab, &route);
    let mut sender = Sender::connect(at);
    assert!(sender.send("1").contains("MSA|AA|1"));

    // A program beside it renews; the gateway hears of it, and the connection goes on.
    for (device, running) in [(&lab, &sending), (&ehr, &receiving)] {
        device.succeeds(&["machine", "renew", "--now"]);
        hang_up(running);
        let shown = |line: &str| line.contains("another certificate is shown").then_some(());
        running.line(shown).unwrap();
    }
    assert!(sender.send("2").contains("MSA|AA|2"), "the same connection");
    assert!(Sender::connect(at).send("3").contains("MSA|AA|3"), "one with the new certificate");
    let status = lab.status();
    let route = &status["gateway"]["routes"][0];
    assert_eq!(route["assurance"], "signed-by-gateway", "{status}");

    // The server is away: what is known counts on.
    drop(house);
    assert!(sender.send("4").contains("MSA|AA|4"));
    assert!(sending.stop().unwrap().success());
    assert!(receiving.stop().unwrap().success());
    assert_eq!(application.got(), ["1", "2", "3", "4"]);
}

#[test]
fn the_units_of_systemd_are_as_systemd_wants_them() {
    let dist = imp_tests::source_tree::root().join("imp-client/dist");
    let folder = tempfile::tempdir().unwrap();
    let program = process::binary("imp-client").display().to_string();
    let mut units = Vec::new();
    for name in [
        "imp-client.service",
        "imp-gateway.service",
        "imp-machine-renew.service",
        "imp-machine-renew.timer",
    ] {
        let unit = std::fs::read_to_string(dist.join(name)).unwrap();
        let is_timer = Path::new(name).extension().is_some_and(|it| it == "timer");
        assert!(is_timer || unit.contains("NoNewPrivileges=true"), "{name}");
        // Where it would be installed there is nothing here.
        let unit = unit.replace("/usr/bin/imp-client", &program);
        let unit = unit.replace("User=imp-client", "User=daemon");
        let path = folder.path().join(name);
        std::fs::write(&path, unit).unwrap();
        units.push(path);
    }
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]).args(&units);
    let verified = process::run(&mut command).unwrap();
    let ours = |line: &&str| units.iter().any(|unit| line.contains(&*unit.display().to_string()));
    let complaints: Vec<_> = verified.stderr.lines().filter(ours).collect();
    assert_eq!((verified.code, complaints.len()), (Some(0), 0), "{}", verified.stderr);
}
