//! The two servers as processes. Each is ended when its value is dropped.
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::Failure;
use super::caller::Application;

/// A server that answers.
pub(super) struct Running {
    child: Child,
    pub(super) application: Application,
}

impl Running {
    /// This server, over what [`super::population`] left in `data`, with more settings in its environment.
    pub(super) fn ours(
        data: &Path,
        application: Application,
        settings: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let port = application.port()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_imp-server"));
        command.arg("--data").arg(data).arg("serve");
        command.env("IMP_SERVER__HTTP__LISTEN", format!("127.0.0.1:{port}"));
        command.envs(settings.iter().copied());
        let (child, _) = start(command, |line| line.starts_with("listening on "))?;
        Ok(Self { child, application })
    }

    /// The node `oidc-provider`.
    pub(super) fn theirs(folder: &Path) -> Result<Self, Failure> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let packages = packages()?;
        let (key, certificate) = (folder.join("node.key"), folder.join("node.pem"));
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ]);
        openssl.args([
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ]);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate).stderr(Stdio::null());
        if !openssl.status()?.success() {
            return Err("openssl makes no certificate".into());
        }
        let mut command = Command::new(packages.join("bin/node"));
        command.env("IMP_NODE_PACKAGES", &packages).env("NODE_ENV", "production");
        command.arg("--import").arg(root.join("tests/foreign/node/resolve.mjs"));
        command.arg(root.join("tests/bench/oauth/provider.mjs")).arg(&key).arg(&certificate);
        let (child, line) = start(command, |line| line.starts_with('{'))?;
        let application = Application::of_node(&serde_json::from_str(&line)?, &certificate)?;
        Ok(Self { child, application })
    }

    /// What it holds in memory, in megabytes (10^6).
    pub(super) fn resident(&self) -> Result<f64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no VmRSS")?;
        Ok(kibibytes.trim().parse::<f64>()? * 1024.0 / 1e6)
    }

    /// The CPU time that it has used, in seconds: what neighbours on the machine change least.
    pub(super) fn cpu_time(&self) -> Result<f64, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name, in parentheses, may hold anything; proc_pid_stat(5) counts from it: utime is 14, stime 15, in hundredths.
        let (_, rest) = stat.rsplit_once(')').ok_or("no stat")?;
        let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Where tests/setup/node.sh puts packages: beside the profile's folder that this program is in.
fn packages() -> Result<PathBuf, Failure> {
    let running = std::env::current_exe()?;
    let places = running.ancestors().skip(1).take(4).map(|folder| folder.join("node"));
    let found = places.into_iter().find(|path| path.join("bin/node").exists());
    found.ok_or_else(|| "no Node.js packages: run tests/setup/node.sh".into())
}

/// Starts a program, and waits for the line that says that it is ready.
fn start(mut command: Command, ready: impl Fn(&str) -> bool) -> Result<(Child, String), Failure> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(output).lines();
    for line in lines.by_ref() {
        let line = line?;
        if ready(&line) {
            // What else it says must go somewhere, or it would wait.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok((child, line));
        }
    }
    let status = child.wait()?;
    Err(format!("{command:?} ended: {status}").into())
}
