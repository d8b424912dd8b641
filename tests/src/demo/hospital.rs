//! The parts of the play: a server, a workstation and phones, each the real program in a process of its own.
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::DemoError;
use super::narrator::Narrator;
use crate::process::{self, Finished, Running};
use crate::source_tree;

/// What a server prints at its first start.
const GREETING: [&str; 3] = ["listening on ", "CA fingerprint ", "administrator token "];

/// A server and one workstation of it.
pub struct Hospital<'a> {
    narrator: &'a Narrator,
    stage: &'a Path,
    folder: PathBuf,
    air: PathBuf,
    agent: Option<Running>,
    server: Option<Running>,
    /// What the agent's environment holds beyond this process' own.
    pub agent_environment: Vec<(String, String)>,
}

/// A phone, on the air while it runs.
pub struct Phone<'a> {
    narrator: &'a Narrator,
    stage: &'a Path,
    state: PathBuf,
    running: Option<Running>,
    /// A point of `imp_phone::crash` at which whatever it does next aborts.
    pub abort_at: Option<&'static str>,
}

/// How a tap ended, as the workstation reported it.
pub struct Tapped {
    /// The exit status of `imp-client tap`.
    pub code: Option<i32>,
    /// What it printed.
    pub report: Value,
}

impl Tapped {
    /// `accepted`, `refused`, `abandoned`, …
    pub fn outcome(&self) -> &str {
        self.report["outcome"].as_str().unwrap_or("nothing")
    }

    /// Why it did not succeed.
    pub fn reason(&self) -> &str {
        self.report["reason"].as_str().unwrap_or("no reason")
    }

    /// More for the help desk.
    pub fn detail(&self) -> &str {
        self.report["detail"].as_str().unwrap_or_default()
    }
}

impl<'a> Hospital<'a> {
    /// An empty hospital in `stage/name`; phones and workstations meet in `stage/air`.
    pub fn new(stage: &'a Path, name: &str, narrator: &'a Narrator) -> Result<Self, DemoError> {
        let (folder, air) = (stage.join(name), stage.join("air"));
        let camera = folder.join("camera");
        for made in [&camera, &air, &folder.join("workstation")] {
            fs::create_dir_all(made).map_err(file("a folder cannot be made"))?;
        }
        restrict(&folder.join("workstation"))?;
        let port = free_port()?;
        write(
            &folder.join("imp-server.toml"),
            &format!(
                "data = {:?}\n\n[http]\nlisten = \"127.0.0.1:{port}\"\n",
                shown(&folder.join("server"))
            ),
        )?;
        write(
            &folder.join("workstation/client.toml"),
            &format!(
                "models = {:?}\n\n[camera]\nkind = \"folder\"\npath = {:?}\n\n[radio]\nkind = \"emulated\"\nair = {:?}\n\n[capture]\nframes = 1\n\n[limits]\npresence_seconds = 2\n",
                shown(&source_tree::root().join("models")),
                shown(&camera),
                shown(&air),
            ),
        )?;
        Ok(Self {
            narrator,
            stage,
            folder,
            air,
            agent: None,
            server: None,
            agent_environment: Vec::new(),
        })
    }

    /// Where phones and workstations meet.
    pub fn air(&self) -> &Path {
        &self.air
    }

    /// The server's configuration.
    pub fn config(&self) -> PathBuf {
        self.folder.join("imp-server.toml")
    }

    /// Where the workstation keeps things.
    pub fn workstation(&self) -> PathBuf {
        self.folder.join("workstation")
    }

    /// Starts the server; returns the lines it greets with.
    pub fn open(&mut self) -> Result<Vec<String>, DemoError> {
        let mut command = self.server_command(&["serve"]);
        self.show(&command);
        let server = Running::start("imp-server", &mut command)?;
        let mut greeting = Vec::new();
        for beginning in GREETING {
            let wanted = |line: &str| line.starts_with(beginning).then(|| line.to_owned());
            greeting.push(server.line(wanted)?);
        }
        self.server = Some(server);
        Ok(greeting)
    }

    /// Runs an administrator's command; returns what it printed.
    pub fn administer(&self, arguments: &[&str]) -> Result<String, DemoError> {
        let mut command = self.server_command(arguments);
        self.show(&command);
        self.succeed(&mut command).map(|finished| finished.stdout)
    }

    /// Enrols the workstation, signs the officer in at it, and starts its agent.
    pub fn equip(&mut self, name: &str, officer: &str) -> Result<(), DemoError> {
        let printed = self.administer(&["workstation", "add", name, "--unit", "Ward 3"])?;
        let invitation = last_line(&printed);
        self.client(&["enrol", "machine", &invitation])?;
        let code = self.folder.join("officer-code");
        let printed = self.administer(&["user", "sign-in-code", officer])?;
        write(&code, &last_line(&printed))?;
        let (code, token) = (shown(&code), shown(&self.folder.join("officer-token")));
        self.client(&["enrol", "sign-in", "--code-file", &code, "--token", &token])?;
        self.start_agent(None)
    }

    /// Starts the agent; with a point of `imp_client::crash` it aborts when it comes there.
    pub fn start_agent(&mut self, abort_at: Option<&str>) -> Result<(), DemoError> {
        let mut command = self.client_command(&["agent"]);
        self.show(&command);
        command.envs(self.agent_environment.iter().cloned());
        if let Some(point) = abort_at {
            command.env("IMP_CLIENT_ABORT_AT", point);
        }
        let agent = Running::start("imp-client agent", &mut command)?;
        if agent.line(|line| line.contains("listens at").then_some(())).is_ok() {
            self.agent = Some(agent);
            return Ok(());
        }
        // Some points come before it listens.
        if abort_at.is_some() { Ok(()) } else { Err(agent.silent("did not start").into()) }
    }

    /// The running agent.
    pub fn agent(&mut self) -> Option<&mut Running> {
        self.agent.as_mut()
    }

    /// The running server.
    pub fn server(&mut self) -> Option<&mut Running> {
        self.server.as_mut()
    }

    /// Ends the agent as a power failure would.
    pub fn kill_agent(&mut self) {
        self.agent = None;
    }

    /// Ends the server as a power failure would.
    pub fn kill_server(&mut self) {
        self.server = None;
    }

    /// Starts the server again.
    pub fn reopen(&mut self) -> Result<(), DemoError> {
        let server = Running::start("imp-server", &mut self.server_command(&["serve"]))?;
        server.line(|line| line.starts_with("listening on ").then_some(()))?;
        self.server = Some(server);
        Ok(())
    }

    /// Sets before the camera what is in these pictures.
    pub fn camera_sees(&self, pictures: &[PathBuf]) -> Result<(), DemoError> {
        let camera = self.folder.join("camera");
        for entry in fs::read_dir(&camera).map_err(file("the camera's folder"))?.flatten() {
            fs::remove_file(entry.path()).map_err(file("a picture cannot be removed"))?;
        }
        for picture in pictures {
            let name = picture.file_name().unwrap_or_default();
            fs::copy(picture, camera.join(name)).map_err(file("a picture cannot be copied"))?;
        }
        Ok(())
    }

    /// Begins an enrolment at the desk; the phone gets the code, and goes on the air.
    pub fn enrol(&self, username: &str, phone: &mut Phone<'a>) -> Result<Value, DemoError> {
        let (desk, invitation) = self.begin_enrolment(username)?;
        phone.bind(&invitation, &self.air)?;
        phone.run(&[])?;
        finish_enrolment(&desk)
    }

    /// Goes on with an enrolment that was interrupted.
    pub fn resume_enrolment(
        &self,
        username: &str,
        phone: &mut Phone<'a>,
    ) -> Result<Value, DemoError> {
        let (desk, invitation) = self.begin_enrolment(username)?;
        if !phone.is_running() {
            phone.bind(&invitation, &self.air)?;
            phone.run(&[])?;
        }
        finish_enrolment(&desk)
    }

    /// Waits until exactly these people's phones are near, and as many that nobody here knows.
    pub fn near(&self, usernames: &[&str], unknown: u64) -> Result<(), DemoError> {
        let mut answer = String::new();
        let found = process::eventually(process::PATIENCE, || {
            let status = &mut self.client_command(&["status", "--json"]);
            answer = process::run(status).ok()?.stdout;
            let status: Value = serde_json::from_str(&answer).ok()?;
            let near = status["near"].as_array()?;
            let mut names: Vec<&str> =
                near.iter().filter_map(|person| person["username"].as_str()).collect();
            names.sort_unstable();
            (names == usernames && status["unknown_phones"] == unknown).then_some(())
        });
        found.ok_or(DemoError::Answer { program: "imp-client status", answer })
    }

    /// Somebody presses the button; the tap goes on by itself.
    pub fn begin_tap(&self) -> Result<Running, DemoError> {
        Ok(Running::start("imp-client tap", &mut self.client_command(&["tap", "--json"]))?)
    }

    /// Begins an enrolment; returns it with the invitation for the phone.
    pub fn begin_enrolment(&self, username: &str) -> Result<(Running, String), DemoError> {
        let token = shown(&self.folder.join("officer-token"));
        let mut command = self.client_command(&[
            "enrol",
            "person",
            username,
            "--officer-token-file",
            &token,
            "--notice",
            "2026-11",
            "--json",
        ]);
        self.show(&command);
        let desk = Running::start("imp-client enrol person", &mut command)?;
        let invitation = desk.line(|line| {
            let value: Value = serde_json::from_str(line).ok()?;
            value["invitation"].as_str().map(str::to_owned)
        })?;
        Ok((desk, invitation))
    }

    /// Somebody presses the button.
    pub fn tap(&self, more: &[&str]) -> Result<Tapped, DemoError> {
        let arguments: Vec<&str> = ["tap"].into_iter().chain(more.iter().copied()).collect();
        self.show(&self.client_command(&arguments));
        let arguments: Vec<&str> = arguments.into_iter().chain(["--json"]).collect();
        let Finished { code, stdout, stderr } = process::run(&mut self.client_command(&arguments))?;
        let answer =
            || DemoError::Answer { program: "imp-client tap", answer: format!("{stdout}{stderr}") };
        let report = serde_json::from_str(&stdout).map_err(|_| answer())?;
        Ok(Tapped { code, report })
    }

    /// Runs a command of the workstation; returns what it printed.
    pub fn client(&self, arguments: &[&str]) -> Result<String, DemoError> {
        let mut command = self.client_command(arguments);
        self.show(&command);
        self.succeed(&mut command).map(|finished| finished.stdout)
    }

    /// Ends agent and server.
    pub fn close(mut self) -> Result<(), DemoError> {
        for running in [self.agent.take(), self.server.take()].into_iter().flatten() {
            running.stop()?;
        }
        Ok(())
    }

    fn server_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(process::binary("imp-server"));
        command.arg("--config").arg(self.config()).args(arguments);
        command
    }

    fn client_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(process::binary("imp-client"));
        command.arg("--state").arg(self.workstation()).args(arguments);
        command
    }

    fn succeed(&self, command: &mut Command) -> Result<Finished, DemoError> {
        succeed(command, self.stage)
    }

    fn show(&self, command: &Command) {
        self.narrator.command(&process::typed(command, &shown(self.stage)));
    }
}

impl<'a> Phone<'a> {
    /// A phone out of the box.
    pub fn new(stage: &'a Path, name: &str, narrator: &'a Narrator) -> Self {
        Self { narrator, stage, state: stage.join(name), running: None, abort_at: None }
    }

    /// Binds it, as if it had scanned the code on the screen.
    pub fn bind(&self, invitation: &str, air: &Path) -> Result<(), DemoError> {
        let mut command = self.command(&["bind", invitation]);
        command.arg("--radio-air").arg(air);
        self.show(&command);
        succeed(&mut command, self.stage).map(|_| ())
    }

    /// Goes on the air.
    pub fn run(&mut self, more: &[&str]) -> Result<(), DemoError> {
        self.stop()?;
        let arguments: Vec<&str> = ["run"].into_iter().chain(more.iter().copied()).collect();
        let mut command = self.command(&arguments);
        self.show(&command);
        let running = Running::start("imp-phone", &mut command)?;
        // One that is to die on its way says nothing.
        if self.abort_at.is_none() {
            running.line(|line| line.starts_with("ready").then_some(()))?;
        }
        self.running = Some(running);
        Ok(())
    }

    /// Whether it is on the air.
    pub fn is_running(&mut self) -> bool {
        self.running.as_mut().is_some_and(Running::is_running)
    }

    /// Whether it ends by itself in this time.
    pub fn ends(&mut self, patience: Duration) -> bool {
        self.running.as_mut().is_some_and(|running| running.ended(patience).is_ok())
    }

    /// Ends it as a power failure would.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Goes off the air.
    pub fn stop(&mut self) -> Result<(), DemoError> {
        if let Some(running) = self.running.take() {
            running.stop()?;
        }
        Ok(())
    }

    /// Asks it something; returns what it printed.
    pub fn ask(&self, arguments: &[&str]) -> Result<String, DemoError> {
        let mut command = self.command(arguments);
        self.show(&command);
        succeed(&mut command, self.stage).map(|finished| finished.stdout)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(process::binary("imp-phone"));
        command.arg("--state").arg(&self.state).args(arguments);
        if let Some(point) = self.abort_at {
            command.env("IMP_PHONE_ABORT_AT", point);
        }
        command
    }

    fn show(&self, command: &Command) {
        self.narrator.command(&process::typed(command, &shown(self.stage)));
    }
}

/// Waits until the desk says that the enrolment is complete.
pub fn finish_enrolment(desk: &Running) -> Result<Value, DemoError> {
    let enrolled = desk.line(|line| {
        let value: Value = serde_json::from_str(line).ok()?;
        value.get("receipt_delivered").is_some().then_some(value)
    })?;
    Ok(enrolled)
}

fn succeed(command: &mut Command, stage: &Path) -> Result<Finished, DemoError> {
    let finished = process::run(command)?;
    if finished.code == Some(0) {
        return Ok(finished);
    }
    let said = finished.stdout + &finished.stderr;
    Err(DemoError::Command { command: process::typed(command, &shown(stage)), said })
}

fn last_line(printed: &str) -> String {
    printed.trim_end().lines().last().unwrap_or_default().to_owned()
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, DemoError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(file("no port is free"))?;
    Ok(listener.local_addr().map_err(file("no port is free"))?.port())
}

fn restrict(folder: &Path) -> Result<(), DemoError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::Permissions::from_mode(0o700);
    fs::set_permissions(folder, mode).map_err(file("a folder cannot be closed to others"))
}

fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    fs::write(path, text).map_err(file("a file cannot be written"))
}

fn file(what: &'static str) -> impl Fn(std::io::Error) -> DemoError {
    move |source| DemoError::File { what: what.to_owned(), source }
}

/// A path as it is printed.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}
