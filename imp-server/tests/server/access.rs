//! Who may do what, as callers see it.
use std::path::Path;
use std::sync::Arc;

use imp_api::Client;
use imp_api::audit::EventsQuery;
use imp_identity::clock::SystemClock;
use imp_identity::user::Role;
use imp_server::{Config, Server};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::Value;

use crate::hospital::{Hospital, problem, user};

async fn refusals(auditor: &Client) -> Vec<String> {
    let kind = Some("access-refused".to_owned());
    let found = auditor.events(&EventsQuery { kind, ..EventsQuery::default() }).await.unwrap();
    found.events.into_iter().map(|entry| entry.sentence).collect()
}

#[tokio::test]
async fn a_refused_person_is_recorded_once_a_minute() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, token) = hospital.person(&administrator, "audrey", Role::Auditor).await;
    let auditor = hospital.stranger().with_token(token);
    let (_, token) = hospital.person(&administrator, "stan", Role::Staff).await;
    let staff = hospital.stranger().with_token(token);
    for _ in 0..3 {
        assert_eq!(problem(staff.users(None, 10).await), "role-insufficient");
    }
    assert_eq!(problem(staff.policy().await), "role-insufficient");
    let recorded = refusals(&auditor).await;
    assert_eq!(recorded.len(), 2, "one an operation: {recorded:?}");
    assert!(recorded.iter().all(|sentence| sentence.contains("STAN")), "{recorded:?}");
    hospital.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(problem(staff.policy().await), "role-insufficient");
    assert_eq!(refusals(&auditor).await.len(), 3);
}

#[tokio::test]
async fn administrators_need_two_factors_where_that_is_required() {
    let hospital = Hospital::open_with(|config| config.access.require_aal2 = true).await;
    let administrator = hospital.first_administrator().await;
    let refused = administrator.create_user(&user("stan", Role::Staff)).await;
    assert_eq!(problem(refused), "stronger-sign-in-required");
    assert_eq!(problem(administrator.users(None, 10).await), "stronger-sign-in-required");
}

/// Every operation of the contract that needs a caller, by callers of the kinds that it is not for.
#[tokio::test]
async fn no_route_lets_a_caller_through_whom_it_is_not_for() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, token) = hospital.person(&administrator, "bea", Role::Administrator).await;
    let (_, workstation) = hospital.workstation(&administrator).await;
    let desk = hospital.desk(&administrator, &workstation, "nora").await;
    let (_, phone) = hospital.phone(&desk).await;
    let stranger = hospital.http(None);
    let machines = [hospital.http(Some(&workstation)), hospital.http(Some(&phone))];
    let contract: Value = hospital.stranger().get("v1/openapi.json").await.unwrap();
    let mut asked = 0;
    for (id, method, path, schemes) in closed(&contract) {
        let url = format!("{}{path}", hospital.server.url());
        let asking = |http: &reqwest::Client| http.request(method.clone(), &url);
        let mut refused = vec![("nobody", asking(&stranger))];
        refused.push(("a forger", asking(&stranger).bearer_auth("x.y.z")));
        if !schemes.contains(&"machine") {
            refused.extend(machines.iter().map(|machine| ("a machine", asking(machine))));
        }
        if !schemes.contains(&"person") || schemes.len() > 1 {
            refused.push(("an administrator", asking(&stranger).bearer_auth(token.expose())));
        }
        for (who, request) in refused {
            let status = request.send().await.unwrap().status().as_u16();
            assert!(matches!(status, 401 | 403), "{id} by {who}: {status}");
        }
        asked += 1;
    }
    assert!(asked > 60, "only {asked} operations");
}

/// The operations that are not for anyone: name, method, address, and what shows who asks.
fn closed(contract: &Value) -> Vec<(&str, Method, String, Vec<&str>)> {
    let mut found = vec![];
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(security) = operation["security"].as_array() else { continue };
            let schemes = security.iter().flat_map(|way| way.as_object().unwrap().keys());
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let id = operation["operationId"].as_str().unwrap();
            found.push((id, method, filled(path), schemes.map(String::as_str).collect()));
        }
    }
    found
}

fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{index}" | "{number}" => "0",
        part if part.starts_with('{') => "01890000-0000-7000-8000-000000000000",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn policies_of_a_folder_count_and_the_log_says_when_they_changed() {
    let data = tempfile::tempdir().unwrap();
    let policies = data.path().join("policies");
    std::fs::create_dir(&policies).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    for entry in std::fs::read_dir(shipped).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, policies.join(path.file_name().unwrap())).unwrap();
    }
    let config = || {
        let mut config = Config::at(data.path());
        config.access.policies = Some(policies.clone());
        config
    };
    let server = Server::start(config(), Arc::new(SystemClock)).await.unwrap();
    assert_eq!(changes(&server).await, 0);
    server.stop().await.unwrap();

    let mut text = std::fs::read_to_string(policies.join("anyone.cedar")).unwrap();
    text.push_str("\n@id(\"closed\") forbid (principal is Anyone, action == Action::\"log_key\", resource);\n");
    std::fs::write(policies.join("anyone.cedar"), &text).unwrap();
    let server = Server::start(config(), Arc::new(SystemClock)).await.unwrap();
    assert_eq!(changes(&server).await, 1);
    let tls = imp_authenticator::tls::first_meeting(server.ca(), Arc::new(SystemClock)).unwrap();
    let stranger = Client::new(server.url(), tls).unwrap();
    assert_eq!(problem(stranger.get::<Value>("v1/log/key").await), "access-refused");
    server.stop().await.unwrap();

    text.push_str("permit (principal is Anyone, action == Action::\"no_such\", resource);\n");
    std::fs::write(policies.join("anyone.cedar"), &text).unwrap();
    let error = Server::start(config(), Arc::new(SystemClock)).await.err().unwrap();
    let lines = text.lines().count();
    let chain = format!("{error}: {}", std::error::Error::source(&error).unwrap());
    assert!(chain.contains(&format!("anyone.cedar:{lines}:")), "{chain}");
}

/// How often the log says that the policies changed.
async fn changes(server: &Server) -> usize {
    let app = server.app();
    let entries = imp_server::command::events_page(&app.storage, 0, 500).await.unwrap();
    entries.iter().filter(|entry| entry.kind == "access-policies-changed").count()
}

#[test]
fn an_operator_checks_and_tests_policies_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    let shown = policies.to_str().unwrap();
    let (succeeded, text) = imp(folder.path(), &["policy", "test"]);
    assert!(succeeded && text.contains("cases hold"), "{text}");
    assert!(imp(folder.path(), &["policy", "write", shown]).0);
    assert!(imp(folder.path(), &["policy", "check", shown]).0);
    assert!(imp(folder.path(), &["policy", "test", shown]).0);
    let (_, schema) = imp(folder.path(), &["policy", "schema"]);
    assert!(schema.contains("action \"create_user\" in [\"people/*\"]"), "{schema}");

    // Somebody lets officers read the log.
    let more = "@id(\"nosy\") permit (principal in Role::\"officer\", action == Action::\"events\", resource);\n";
    std::fs::write(policies.join("ours.cedar"), more).unwrap();
    let (succeeded, text) = imp(folder.path(), &["policy", "test", shown]);
    let line =
        "WRONG  review.toml: officer may not events, but the policies say that she may (by nosy)";
    assert!(!succeeded && text.contains(line), "{text}");

    // Somebody forgets a case.
    std::fs::remove_file(policies.join("ours.cedar")).unwrap();
    let cases = std::fs::read_to_string(policies.join("anyone.toml")).unwrap();
    std::fs::write(policies.join("anyone.toml"), cases.replace("health =", "ready2 =")).unwrap();
    let (succeeded, text) = imp(folder.path(), &["policy", "test", shown]);
    assert!(!succeeded && text.contains("there is no operation ready2"), "{text}");
    let cases = cases.lines().filter(|line| !line.starts_with("health =")).collect::<Vec<_>>();
    std::fs::write(policies.join("anyone.toml"), cases.join("\n")).unwrap();
    let (succeeded, text) = imp(folder.path(), &["policy", "test", shown]);
    assert!(!succeeded && text.contains("MISSING  health: nobody is allowed"), "{text}");

    // Somebody slips.
    std::fs::write(
        policies.join("ours.cedar"),
        "\npermit (principal, action == Action::\"fly\", resource);",
    )
    .unwrap();
    let (succeeded, text) = imp(folder.path(), &["policy", "check", shown]);
    assert!(!succeeded && text.contains("ours.cedar:2:") && text.contains("fly"), "{text}");
    assert!(!folder.path().join("data").exists(), "no database is needed");
}

/// Whether the program succeeded, and everything that it said.
fn imp(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_imp-server"));
    let output = command.arg("--data").arg(folder.join("data")).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
