//! The program, as an operator runs it.
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[test]
fn an_operator_runs_a_server_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // Nothing there yet: doctor says so and creates nothing.
    let (healthy, text) = text(&imp(&data, &["doctor"]));
    assert!(!healthy && text.contains("there are no keys"), "{text}");
    assert!(!data.exists());

    let mut server = imp_command(&data, &["serve"])
        .env("IMP_SERVER__HTTP__LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let mut next = |begin: &str| {
        let line = lines.next().unwrap().unwrap();
        line.strip_prefix(begin).unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    next("listening on https://127.0.0.1:");
    assert_eq!(next("CA fingerprint ").len(), 64);
    assert_eq!(next("administrator token ").len(), 23);

    // Beside the running server.
    succeed(&data, &["user", "add", "ada", "--name", "Ada", "--role", "administrator"]);
    let again = imp(&data, &["user", "add", "ada", "--name", "Ada"]);
    assert!(!again.status.success());
    assert_eq!(String::from_utf8_lossy(&again.stderr), "error: the username is taken\n");
    assert_eq!(succeed(&data, &["user", "sign-in-code", "ada"]).lines().last().unwrap().len(), 23);
    let invited = succeed(&data, &["workstation", "add", "Ward 3", "--unit", "Surgery"]);
    let invitation = invited.lines().last().unwrap().to_owned();
    assert!(invitation.starts_with("imp:enrol?server=https%3A%2F%2F127.0.0.1%3A8443&ca="));
    assert!(succeed(&data, &["user", "list"]).contains("administrator"));
    assert!(succeed(&data, &["workstation", "list", "--json"]).contains("\"invited\""));
    let policy = succeed(&data, &["policy", "show"]).replace("\"UTC\"", "\"Europe/Rome\"");
    let file = folder.path().join("policy.json");
    std::fs::write(&file, policy).unwrap();
    succeed(&data, &["policy", "set", file.to_str().unwrap()]);
    let events = succeed(&data, &["events"]);
    for part in [
        "user-created",
        " created the administrator Ada",
        "workstation-invited",
        " invited the workstation Ward 3",
        "policy-changed",
        "operator ",
    ] {
        assert!(events.contains(part), "{part} is not in {events}");
    }
    applications(&data, folder.path());
    review(&data, folder.path());
    let lost = imp(&data, &["token"]);
    assert!(!lost.status.success(), "there is an administrator");

    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    assert!(server.wait().unwrap().success());
    let (_, text) = self::text(&imp(&data, &["doctor"]));
    assert!(text.contains("ok     the keys can be used"), "{text}");
    assert!(text.contains("ok     the database answers and its schema is up to date"), "{text}");
}

/// An operator registers an application, changes and removes it, and changes the keys that sign tokens.
fn applications(data: &Path, folder: &Path) {
    let file = folder.join("charts.json");
    let file = file.to_str().unwrap();
    let document = r#"{"client_name":"Charts","redirect_uris":["https://charts.example/back"]}"#;
    std::fs::write(file, document).unwrap();
    let added = succeed(data, &["client", "add", file]);
    assert!(added.contains("issuer: https://localhost:8443"), "{added}");
    assert!(added.contains("client_secret, which is not shown again: imp_cs_"), "{added}");
    assert!(succeed(data, &["client", "list"]).contains("Charts"));
    let shown = succeed(data, &["client", "show", "Charts"]);
    assert!(shown.contains("code") && !shown.contains("imp_cs_"), "{shown}");
    std::fs::write(file, document.replace("https:", "http:")).unwrap();
    let wrong = imp(data, &["client", "set", "Charts", file]);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && said.contains("https is expected"), "{said}");
    assert!(succeed(data, &["client", "secret", "Charts"]).contains("imp_cs_"));
    assert!(succeed(data, &["client", "remove", "Charts"]).contains("removed Charts"));
    assert!(!imp(data, &["client", "show", "Charts"]).status.success());
    let keys = succeed(data, &["key", "list"]);
    assert_eq!(keys.matches("current").count(), 2, "{keys}");
    assert_eq!(succeed(data, &["key", "rotate"]).matches("next").count(), 2);
    let replaced = succeed(data, &["key", "rotate", "--now"]);
    assert!(
        replaced.lines().count() == 2 && replaced.matches("current").count() == 2,
        "{replaced}"
    );
}

/// An operator finds, opens, proves and closes.
fn review(data: &Path, folder: &Path) {
    let by_ada = succeed(data, &["events", "--kind", "sign-in-code-issued", "--json"]);
    let entry: serde_json::Value = serde_json::from_str(&by_ada).unwrap();
    let index = entry["index"].to_string();
    let saved = &["search", "save", "Codes", "--kind", "sign-in-code-issued"];
    succeed(data, saved);
    assert!(succeed(data, &["search", "list"]).contains("Codes"));
    assert!(succeed(data, &["search", "run", "Codes"]).contains("made a sign-in code for Ada"));
    let month = imp(data, &["events", "--person", "ada", "--from", "31d", "--until", "1m"]);
    let said = String::from_utf8_lossy(&month.stderr).into_owned();
    assert!(!month.status.success() && said.contains("never reports attendance"), "{said}");
    let followed = imp(data, &["events", "--person", "ada", "--follow"]);
    assert!(!followed.status.success(), "nobody is followed as she works");

    let opened = succeed(data, &["case", "open", &index]);
    assert!(opened.starts_with("opened case 1: operator "), "{opened}");
    assert!(!imp(data, &["case", "assign", "1", "ada"]).status.success(), "no auditor");
    succeed(data, &["user", "add", "audrey", "--name", "Audrey", "--role", "auditor"]);
    succeed(data, &["case", "assign", "1", "audrey"]);
    succeed(data, &["case", "comment", "1", "Who asked for it?", "--entry", "0"]);
    let case = &["--person", "ada", "--from", "31d", "--until", "1m", "--case", "1"];
    succeed(data, &[&["events"], case.as_slice()].concat());
    let proof = folder.join("case.json");
    std::fs::write(&proof, succeed(data, &["case", "show", "1", "--proof"])).unwrap();
    let key = succeed(data, &["log", "key"]);
    let verify = ["log", "verify-receipt", proof.to_str().unwrap(), "--key", key.trim()];
    assert_eq!(succeed(data, &verify).lines().count(), 5, "2 entries, opening, assigning, comment");
    succeed(data, &["case", "close", "1", "legitimate", "She lost the first."]);
    assert!(succeed(data, &["case", "list", "--state", "closed"]).contains("closed as legitimate"));
    let shown = succeed(data, &["case", "show", "1"]);
    assert!(shown.contains("wrote in case 1 (with entry 0): Who asked for it?"), "{shown}");
    succeed(data, &["case", "reopen", "1", "She says that she did not."]);
    succeed(data, &["search", "remove", "Codes"]);
    let read = succeed(data, &["events", "--kind", "log-read"]);
    assert_eq!(read.lines().count(), 6, "each reading once, refused ones not: {read}");
}

#[test]
fn an_unknown_key_is_refused_with_file_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("imp.toml");
    std::fs::write(&file, "[http]\nlisten_on = '127.0.0.1:1'\n").unwrap();
    let output = imp(folder.path(), &["--config", file.to_str().unwrap(), "doctor"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("imp.toml:2: `listen_on`: unknown field"), "{text}");
    let output = imp(folder.path(), &["nonsense"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_contract_in_the_documentation_is_the_one_that_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let contract = succeed(folder.path(), &["openapi"]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/openapi.json");
    if std::env::var_os("IMP_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &contract).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == contract, "run this test with IMP_WRITE_REFERENCE=1");
}

fn succeed(data: &Path, arguments: &[&str]) -> String {
    let output = imp(data, arguments);
    let (success, text) = text(&output);
    assert!(success, "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    text
}

fn text(output: &Output) -> (bool, String) {
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn imp(data: &Path, arguments: &[&str]) -> Output {
    imp_command(data, arguments).output().unwrap()
}

fn imp_command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imp-server"));
    command.arg("--data").arg(data).args(arguments).env("IMP_SERVER__TELEMETRY__FILTER", "warn");
    command
}
