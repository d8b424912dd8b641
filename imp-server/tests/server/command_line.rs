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

/// The connection policy from the command line: tables, manufacturers' descriptions, questions.
#[test]
fn an_operator_keeps_the_connection_policy_as_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let table = folder.path().join("matrix.csv");
    std::fs::write(
        &table,
        "from,to,protocol,ports,purpose\nclass:workstation,class:server,tcp,443,Applications\n",
    )
    .unwrap();
    let file = table.to_str().unwrap();
    let imported = succeed(&data, &["connection", "import", file]);
    assert!(imported.contains("version 1 is in force, with 1 rules"), "{imported}");
    assert!(succeed(&data, &["connection", "import", file]).contains("nothing changes"));
    let exported = succeed(&data, &["connection", "export"]);
    assert!(
        exported.contains(",class:workstation,class:server,tcp,443,Applications,"),
        "{exported}"
    );
    let document = succeed(&data, &["connection", "export", "--format", "json"]);
    assert!(document.starts_with("{\"version\":1,\"rules\":["), "{document}");
    let dry = succeed(&data, &["connection", "dry-run", file]);
    assert!(dry.contains("\"observations\": 0"), "{dry}");

    let mud = folder.path().join("pump.json");
    std::fs::write(&mud, MUD).unwrap();
    let mud = mud.to_str().unwrap();
    let read = ["connection", "import-mud", mud, "--device", "class:infusion-pump"];
    let said =
        imp(&data, &[read.as_slice(), ["--my-controller", "unit:Pharmacy"].as_slice()].concat());
    let notes = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success() && notes.contains("refused: from/ping (icmp)"), "{notes}");
    let nothing = imp(&data, &read);
    assert!(!nothing.status.success(), "nobody said what my-controller is");
    let applied = succeed(
        &data,
        &[read.as_slice(), ["--my-controller", "unit:Pharmacy", "--apply"].as_slice()].concat(),
    );
    assert!(applied.contains("version 2 is in force, with 2 rules"), "{applied}");
    let diff = succeed(&data, &["connection", "diff", "1"]);
    assert!(diff.contains("class:infusion-pump -> unit:Pharmacy tcp 8443"), "{diff}");

    let machine = |n: u8| {
        format!("spiffe://imp.internal/workstation/01890a5d-ac96-774b-bcce-b302099a80{n:02x}")
    };
    let (from, to) = (machine(1), machine(2));
    let check = imp(&data, &["connection", "check", &from, &to, "tcp", "443"]);
    assert!(!check.status.success());
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(said.contains("no-rule"), "{said}");
    let proposed = imp(&data, &["connection", "propose"]);
    assert!(!proposed.status.success(), "nothing was seen");
    let graph = succeed(&data, &["connection", "reachability"]);
    assert!(graph.contains("\"imp-reachability/1\""), "{graph}");
    assert!(succeed(&data, &["events"]).contains("connection-policy-changed"));
}

/// A manufacturer's usage description (RFC 8520).
const MUD: &str = r#"{"ietf-mud:mud": {"mud-version": 1, "mud-url": "https://pumps.example/pump.json",
  "last-update": "2026-11-01T00:00:00+00:00", "cache-validity": 48, "is-supported": true, "systeminfo": "Pump",
  "from-device-policy": {"access-lists": {"access-list": [{"name": "from"}]}}},
 "ietf-access-control-list:acls": {"acl": [{"name": "from", "type": "ipv4-acl-type", "aces": {"ace": [
  {"name": "control", "matches": {"ietf-mud:mud": {"my-controller": [null]}, "tcp": {"ietf-mud:direction-initiated": "from-device",
   "destination-port": {"operator": "eq", "port": 8443}}}, "actions": {"forwarding": "accept"}},
  {"name": "ping", "matches": {"icmp": {"type": 8}}, "actions": {"forwarding": "accept"}}]}}]}}"#;

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
