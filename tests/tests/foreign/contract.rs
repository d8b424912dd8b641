//! schemathesis sends what the HTTP contract allows, and what it does not: nothing may answer 500.
use std::process::Command;

use imp_tests::python;

use super::house::House;

/// Seconds of the run, which ends by itself.
const BUDGET: &str = "40";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_sent_makes_the_server_fail() {
    let house = House::open().await;
    let contract = house.folder.path().join("openapi.json");
    std::fs::write(&contract, house.command_line(&["openapi"]).stdout).unwrap();
    let program = python::interpreter().unwrap().with_file_name("schemathesis");
    let mut command = Command::new(program);
    command.arg("run").arg(&contract).args([
        "--url",
        &house.issuer(),
        "--checks",
        "not_a_server_error",
    ]);
    command.arg("--header").arg(format!("Authorization: Bearer {}", house.token));
    command.arg("--tls-verify").arg(house.root()).current_dir(house.folder.path());
    command.args(["--seed", "1", "--max-examples", "5", "--max-time", BUDGET, "--workers", "1"]);
    command.args(["--request-timeout", "20", "--request-retries", "3", "--continue-on-failure"]);
    command.args(["--warnings", "off", "--no-color"]);
    let finished = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&finished.stdout);
    assert!(said.contains("Test cases:"), "{said}\n{}", String::from_utf8_lossy(&finished.stderr));
    assert!(finished.status.success(), "{said}");
    let asked = house.http.get(format!("{}/healthz", house.server.url())).send().await.unwrap();
    assert!(
        asked.status().is_success(),
        "the server does not answer afterwards: {}",
        asked.status()
    );
}
