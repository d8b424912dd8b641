//! What every phone goes through, whoever wrote it.
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use imp_tests::demo::Narrator;
use imp_tests::demo::hospital::{Hospital, Tapped, finish_enrolment};
use imp_tests::process::{self, Running};
use imp_tests::world::faces;

/// A phone's program: `PROGRAM STATE bind INVITATION | run AIR NAME … | status | uses | renew | erase`.
pub(super) struct Foreign {
    program: Vec<OsString>,
    state: PathBuf,
    air: PathBuf,
    running: Option<Running>,
}

impl Foreign {
    pub(super) fn new(program: Vec<OsString>, folder: &Path, air: &Path) -> Self {
        Self { program, state: folder.join("foreign"), air: air.to_owned(), running: None }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).arg(&self.state).args(arguments);
        command
    }

    /// Runs a command to its end; what it printed, if it ended well.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<String, String> {
        let done = process::run(&mut self.command(arguments)).expect("the phone's program runs");
        if done.code == Some(0) { Ok(done.stdout) } else { Err(done.stderr) }
    }

    /// Goes on the air, in place of how it was there before.
    pub(super) fn run(&mut self, more: &[&str]) {
        self.stop();
        let mut command = self.command(&["run"]);
        command.arg(&self.air).arg("foreign").args(more);
        let running = Running::start("a foreign phone", &mut command).expect("it starts");
        running.line(|line| (line == "ready").then_some(())).expect("it is on the air");
        self.running = Some(running);
    }

    pub(super) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().expect("it ends");
        }
    }

    /// Waits until it prints a line that begins so.
    pub(super) fn says(&self, beginning: &str) -> String {
        let running = self.running.as_ref().expect("it runs");
        let wanted = |line: &str| line.starts_with(beginning).then(|| line.to_owned());
        running.line(wanted).expect("it says so")
    }

    /// Everything it printed since it runs.
    pub(super) fn said(&self) -> String {
        self.running.as_ref().expect("it runs").said()
    }
}

/// A hospital with one workstation where Ada is enrolled with a foreign phone.
pub(super) struct Ward<'a> {
    pub(super) hospital: Hospital<'a>,
    pub(super) phone: Foreign,
}

impl<'a> Ward<'a> {
    pub(super) fn open(folder: &'a Path, narrator: &'a Narrator, program: Vec<OsString>) -> Self {
        let mut hospital = Hospital::new(folder, "hospital", narrator).expect("a hospital");
        hospital.open().expect("a server");
        for (username, role) in [("olga", "officer"), ("ada", "staff")] {
            let add = ["user", "add", username, "--name", username, "--role", role];
            hospital.administer(&add).expect("a user");
        }
        hospital.equip("Ward 3 left", "olga").expect("a workstation");
        let enrolled = faces::ADA_ENROLLED.iter().map(|name| faces::path(name));
        hospital.camera_sees(&enrolled.collect::<Vec<_>>()).expect("a face");
        let phone = Foreign::new(program, folder, hospital.air());
        let mut ward = Self { hospital, phone };
        ward.enrol();
        ward.hospital.camera_sees(&[faces::path(faces::ADA)]).expect("a face");
        ward
    }

    fn enrol(&mut self) {
        let (desk, invitation) = self.hospital.begin_enrolment("ada").expect("an enrolment");
        let bound = self.phone.ask(&["bind", &invitation]).expect("it is bound");
        assert!(bound.starts_with("bound to ada by https://"), "{bound}");
        self.phone.run(&[]);
        let enrolled = finish_enrolment(&desk).expect("she is enrolled");
        assert_eq!(enrolled["receipt_delivered"], true, "{enrolled}");
        let again = self.phone.ask(&["bind", &invitation]).expect_err("a code counts once");
        assert!(!again.contains("panic"), "{again}");
    }

    pub(super) fn tap(&self, more: &[&str]) -> Tapped {
        self.hospital.near(&["ada"], 0).expect("her phone is near");
        self.hospital.tap(more).expect("a report")
    }

    pub(super) fn admits(&self, more: &[&str]) {
        let tapped = self.tap(more);
        let why = format!("{} {}", tapped.reason(), tapped.detail());
        assert_eq!(tapped.outcome(), "accepted", "{why}\n{}", self.phone.said());
    }

    pub(super) fn refuses(&self, reason: &str) {
        let tapped = self.tap(&[]);
        assert_eq!((tapped.outcome(), tapped.reason()), ("refused", reason), "{}", tapped.detail());
    }
}

/// Bound and enrolled, she taps in and out, looks at the uses, renews the certificate, and erases her face.
pub(super) fn lives(ward: &mut Ward<'_>) {
    ward.admits(&[]);
    ward.phone.says("asked TAP_IN by Ward 3 left: released");
    ward.phone.says("receipt ");
    ward.admits(&["--purpose", "tap-out"]);
    ward.phone.says("asked TAP_OUT by Ward 3 left: released");
    ward.phone.says("receipt ");
    ward.phone.stop();

    let uses = ward.phone.ask(&["uses"]).expect("uses");
    let taps: Vec<_> = uses.lines().filter(|line| line.contains(" tap-accepted ")).collect();
    assert_eq!(taps.len(), 2, "{uses}");
    assert!(uses.lines().all(|line| line.ends_with("verified=true")), "{uses}");
    let status = ward.phone.ask(&["status"]).expect("a status");
    assert!(status.contains("bound ada") && status.contains("enrolled a face of "), "{status}");

    ward.phone.ask(&["renew"]).expect("a certificate");
    ward.phone.run(&[]);
    ward.admits(&[]);
    ward.phone.stop();

    let erased = ward.phone.ask(&["erase"]).expect("erased");
    assert!(erased.contains("face=true") && erased.contains("told=Now"), "{erased}");
    ward.phone.run(&[]);
    let tapped = ward.hospital.tap(&[]).expect("a report");
    assert_ne!(tapped.outcome(), "accepted", "a face that is gone opened a session");
    ward.phone.stop();
}
