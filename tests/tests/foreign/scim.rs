//! The SCIM server, judged by `scim2-tester`: a client that reads what the server says it can do, and tries all of it.
use std::process::Stdio;

use imp_identity::user::Role;
use imp_tests::python;
use serde_json::{Value, json};

use super::house::House;

/// An access token with the scope `scim`, of an application that was registered for it.
pub(super) async fn provisioning_token(house: &House) -> String {
    let registered = house
        .register(&json!({
            "client_name": "Human resources",
            "grant_types": ["client_credentials"],
            "response_types": [],
            "token_endpoint_auth_method": "client_secret_basic",
            "scope": "scim",
        }))
        .await;
    let (id, secret) = (&registered["client_id"], &registered["client_secret"]);
    let request = house
        .http
        .post(format!("{}/oauth/token", house.issuer()))
        .basic_auth(id.as_str().unwrap(), secret.as_str())
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials&scope=scim");
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert!(status.is_success(), "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_tester_finds_nothing_wrong() {
    let house = House::open_with(|config| {
        config.oauth.access_token_seconds = 3600;
        // The tester tries each role that the schema names.
        config.directory.roles = vec![Role::Staff, Role::Officer];
    })
    .await;
    let token = provisioning_token(&house).await;
    let base = format!("{}/scim/v2", house.issuer());
    let settings = json!({ "base": base, "token": token, "ca": house.root() });
    let input = house.folder.path().join("scim.json");
    std::fs::write(&input, settings.to_string()).unwrap();
    let mut command = python::command().unwrap();
    command.arg("tests/foreign/scim.py").stdin(std::fs::File::open(input).unwrap());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let finished = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&finished.stdout);
    let failed = String::from_utf8_lossy(&finished.stderr);
    assert!(finished.status.success(), "{said}\n{failed}");
    let held = said.lines().find_map(|line| line.strip_prefix("held ")?.parse::<u32>().ok());
    assert!(held.unwrap_or(0) >= 100, "the tester tried less than it can:\n{said}");
}
