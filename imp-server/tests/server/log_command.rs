//! `imp-server log` and `imp-server witness`, as an auditor runs them.
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imp-server"));
    command.arg("--data").arg(data).args(arguments);
    command
}

fn imp(data: &Path, arguments: &[&str]) -> Output {
    command(data, arguments).output().unwrap()
}

fn succeed(data: &Path, arguments: &[&str]) -> String {
    let output = imp(data, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn fail(data: &Path, arguments: &[&str]) -> String {
    let output = imp(data, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A program that listens; killed when dropped.
struct Listening {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Listening {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn says(&mut self, begin: &str) -> String {
        let line = self.lines.next().unwrap().unwrap();
        line.strip_prefix(begin).unwrap_or_else(|| panic!("{line}")).to_owned()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may be gone already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_auditor_checks_the_log_here_from_a_backup_and_over_https() {
    let folder = tempfile::tempdir().unwrap();
    let (data, kept) = (folder.path().join("data"), folder.path().join("kept"));
    assert!(fail(&data, &["log", "verify"]).contains("--key"), "no keys, and none are made");
    assert!(!data.exists());

    let mut serve = command(&data, &["serve"]);
    let mut server = Listening::start(serve.env("IMP_SERVER__HTTP__LISTEN", "127.0.0.1:0"));
    let url = server.says("listening on ");
    let key = succeed(&data, &["log", "key"]);
    let key = key.trim();
    assert!(key.starts_with("imp.internal/log+"), "{key}");
    let said = succeed(&data, &["log", "verify", "--keep", text(&kept)]);
    assert!(said.starts_with("the log imp.internal/log is sound\n"), "{said}");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), succeed(&data, &["log", "checkpoint"]));

    succeed(&data, &["user", "add", "ada", "--name", "Ada"]);
    let auditor = folder.path().join("elsewhere");
    let since = ["log", "verify", "--url", &url, "--key", key, "--since", text(&kept)];
    let said = succeed(&auditor, &since);
    assert!(said.contains("2 checkpoints compared"), "{said}");
    assert!(!auditor.exists(), "an auditor needs no installation");
    drop(server);

    let database = format!("sqlite:{}", data.join("imp.db").display());
    let backup = ["log", "verify", "--database", &database, "--key", key];
    succeed(&auditor, &backup);
    let witness = succeed(
        &auditor,
        &["witness", "--folder", text(&folder.path().join("w")), "--name", "w.example/w1"],
    );
    let witness = witness.trim().strip_prefix("witness key ").unwrap();
    let asked = [&backup[..], &["--witness", witness]].concat();
    let expected = "error: the witness w.example/w1 has cosigned no checkpoint of this log\n";
    assert_eq!(fail(&auditor, &asked), expected);
    let other = imp_translog::LogKey::generate("imp.internal/log").unwrap();
    let stranger = other.verifier_key().to_string();
    let refused = fail(&auditor, &["log", "verify", "--database", &database, "--key", &stranger]);
    assert!(refused.starts_with("error: the latest checkpoint does not count\n"), "{refused}");
}

#[test]
fn a_witness_runs_beside_and_cosigns() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // The first start makes the log's key.
    let key = succeed(&data, &["log", "key"]);
    let place = folder.path().join("witness");
    let name = ["witness", "--folder", text(&place), "--name", "witness.example/w1"];
    let listen = ["--log", key.trim(), "--listen", "127.0.0.1:0"];
    let mut witness = Listening::start(&mut command(&data, &[&name[..], &listen].concat()));
    let witness_key = witness.says("witness key ");
    let witness_url = witness.says("listening on ");
    assert!(witness_url.starts_with("http://127.0.0.1:"));

    let file = folder.path().join("imp.toml");
    let toml = format!(
        "[http]\nlisten = '127.0.0.1:0'\n[log]\nwitness_seconds = 1\nwitnesses = [{{ url = '{witness_url}', key = '{witness_key}' }}]\n"
    );
    std::fs::write(&file, toml).unwrap();
    let configured = ["--config", text(&file)];
    let mut server = Listening::start(&mut command(&data, &[&configured[..], &["serve"]].concat()));
    let url = server.says("listening on ");
    let verify = ["log", "verify", "--url", &url, "--key", key.trim(), "--witness", &witness_key];
    let said = (0..600).find_map(|_| {
        let output = imp(&data, &verify);
        let said = String::from_utf8(output.stdout).unwrap();
        // The server asks its witnesses once a second.
        output.status.success().then_some(said).or_else(|| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            None
        })
    });
    let said = said.expect("the witness cosigns");
    assert!(said.contains("witness.example/w1 cosigned "), "{said}");
    let cosigned = succeed(&data, &["log", "checkpoint", "--cosigned"]);
    assert!(cosigned.contains("— witness.example/w1 "), "{cosigned}");
}
