//! schemathesis sends what the HTTP contract allows, and what it does not, as everybody who may ask: nothing may answer 500, and
//! every operation is reached.
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use imp_identity::user::Role;
use imp_tests::python;
use serde_json::Value;

use super::house::House;

mod callers;
mod reached;

use callers::{Caller, Shows};
use reached::{Reached, operations};

/// Seconds that the administrator's run may take. It is the last: it ends what the others are let in by.
const BUDGET: &str = "30";
/// The same, of each of the others.
const TURN: &str = "20";
/// The most requests for one operation in one phase.
const EXAMPLES: &str = "3";

/// Operations that no caller of this test gets past the first look at who asks, and why. They are asked all the same.
const TURNED_AWAY: [(&str, &[&str]); 4] = [
    (
        "for a phone, whose certificate takes an enrolment with a face: tests/tests/journeys",
        &[
            "answer_phone_sign_in",
            "dispute_use",
            "erase_reference",
            "notices",
            "own_use",
            "own_uses",
            "phone_sign_in",
            "revoke_self",
        ],
    ),
    (
        "for a workstation and an officer at once: tests/tests/journeys",
        &["confirm_reference", "enrolment", "issue_reference", "open_enrolment"],
    ),
    (
        "for applications that hold a person's token or the one for registrations: openid.mjs",
        &["register_itself", "userinfo"],
    ),
    (
        "for whoever proved herself in this browser: imp-server/tests/server/sign_in.rs",
        &[
            "begin_credential",
            "end_own_sign_on",
            "finish_credential",
            "remove_own_credential",
            "rename_credential",
            "withdraw_application",
        ],
    ),
];

/// One run of schemathesis.
struct Run<'a> {
    house: &'a House,
    program: PathBuf,
    contract: &'a Value,
}

impl Run<'_> {
    /// Asks as the caller, and tells what was answered.
    fn command(&self, caller: &Caller) -> (Command, PathBuf) {
        let folder = self.house.folder.path();
        let contract = folder.join(format!("{}.json", caller.name));
        let asked = reached::only(self.contract, |scheme| caller.schemes.contains(&scheme));
        std::fs::write(&contract, asked.to_string()).unwrap();
        let answers = folder.join(format!("{}.har", caller.name));
        let mut command = Command::new(&self.program);
        command.arg("run").arg(&contract).current_dir(folder);
        command.args(["--url", &self.house.issuer(), "--checks", "not_a_server_error"]);
        command.arg("--tls-verify").arg(self.house.root());
        match &caller.shows {
            Shows::Header(name, value) => {
                command.arg("--header").arg(format!("{name}: {value}"));
            }
            Shows::Certificate(file, key) => {
                command.arg("--request-cert").arg(file).arg("--request-cert-key").arg(key);
            }
        }
        let (phases, time) =
            if caller.everything { ("coverage,fuzzing", BUDGET) } else { ("coverage", TURN) };
        command.args(["--phases", phases, "--max-time", time, "--max-examples", EXAMPLES]);
        command.args(["--seed", "1", "--workers", "1", "--generation-database", "none"]);
        command.args(["--request-timeout", "20", "--request-retries", "3"]);
        command.args(["--continue-on-failure", "--warnings", "off", "--no-color"]);
        command.args(["--report", "har", "--report-har-path"]).arg(&answers);
        (command, answers)
    }

    async fn ask(&self, caller: &Caller) -> Reached {
        let (mut command, answers) = self.command(caller);
        let finished = tokio::task::spawn_blocking(move || command.output()).await;
        let finished = finished.unwrap().unwrap();
        let said = String::from_utf8_lossy(&finished.stdout);
        let failed = String::from_utf8_lossy(&finished.stderr);
        assert!(said.contains("Test cases:"), "{}: {said}\n{failed}", caller.name);
        assert!(finished.status.success(), "{}: {said}", caller.name);
        let answers: Value = serde_json::from_slice(&std::fs::read(answers).unwrap()).unwrap();
        Reached::read(self.contract, &self.house.issuer(), &answers)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_anybody_sends_makes_the_server_fail_and_every_operation_is_reached() {
    let house = House::open_with(|config| {
        config.limits.failures_per_minute = 1_000_000;
        config.limits.openings_per_minute = 1_000_000;
        config.oauth.access_token_seconds = 3600;
        config.directory.roles = vec![Role::Staff, Role::Officer];
    })
    .await;
    let contract: Value = serde_json::from_str(&house.command_line(&["openapi"]).stdout).unwrap();
    let callers = callers::all(&house).await;
    let program = python::interpreter().unwrap().with_file_name("schemathesis");
    let run = Run { house: &house, program, contract: &contract };
    let mut reached = Reached::default();
    for caller in &callers {
        let one = run.ask(caller).await;
        println!("{}: {} requests, {one}", caller.name, one.requests());
        reached.merge(one);
    }
    println!("together: {} requests, {reached}", reached.requests());

    let all = operations(&contract);
    assert!(all.len() > 200, "only {} operations", all.len());
    let answered = reached.answered();
    let unanswered: BTreeSet<_> = all.difference(&answered).collect();
    assert!(unanswered.is_empty(), "never asked: {unanswered:?}");
    let known: BTreeSet<String> =
        TURNED_AWAY.iter().flat_map(|(_, names)| *names).map(|&name| name.to_owned()).collect();
    let let_in = reached.let_in();
    let turned_away: BTreeSet<_> = all.difference(&let_in).cloned().collect();
    let unexpected: BTreeSet<_> = turned_away.difference(&known).collect();
    assert!(unexpected.is_empty(), "nobody gets past the first look: {unexpected:?}");
    let failed: BTreeMap<_, _> = reached.failed();
    assert!(failed.is_empty(), "{failed:?}");
    let asked = house.http.get(format!("{}/healthz", house.server.url())).send().await.unwrap();
    let status = asked.status();
    assert!(status.is_success(), "the server does not answer afterwards: {status}");
}
