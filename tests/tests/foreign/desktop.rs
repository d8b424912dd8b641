//! Chromium on the desktop of a workstation, with the real pages, the real broker, and a tap by an emulated phone.
use std::process::Stdio;

use imp_identity::user::Role;
use imp_tests::node;
use imp_tests::world::{WARD, World, faces};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::house::{certificate, free_port, shots};

const CALLBACK: &str = "https://charts.example/callback";
/// RFC 7636 appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What an application of this hospital sends its user to.
async fn application(world: &World) -> String {
    let metadata =
        json!({ "client_name": "Charts", "redirect_uris": [CALLBACK], "scope": "openid profile" });
    let client: Value = world.administrator.post("v1/clients", &metadata).await.expect("a client");
    let id = client["client_id"].as_str().expect("an identifier");
    format!(
        "{}/oauth/authorize?client_id={id}&redirect_uri={CALLBACK}&response_type=code&scope=openid&state=s\
         &nonce=n&code_challenge={CHALLENGE}&code_challenge_method=S256",
        world.issuer()
    )
}

/// Plays a scene of `desktop.mjs`; each of its `steps` must hold.
async fn play(world: &World, scene: &str, authorize: &str, steps: usize) {
    let folder = world.folder.path();
    certificate(folder, "pages");
    let settings = json!({
        "issuer": world.issuer(), "authorize": authorize, "scene": scene, "shots": shots("desktop"),
        "tls": { "key": folder.join("pages.key"), "certificate": folder.join("pages.pem") },
    });
    let input = folder.join("settings.json");
    std::fs::write(&input, settings.to_string()).unwrap();
    let mut command = node::command("desktop.mjs").unwrap();
    command.stdin(std::fs::File::open(input).unwrap());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let finished = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&finished.stdout);
    let failed = String::from_utf8_lossy(&finished.stderr);
    assert!(finished.status.success(), "{scene}:\n{said}\n{failed}");
    let held = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(held, steps, "{scene} went through other steps than expected:\n{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_browser_on_a_desktop_is_handed_the_session_steps_up_and_waits_for_a_tap() {
    let world = World::start_with(|config| config.sign_on.broker_port = free_port()).await;
    let workstation = world.workstation("Ward 3 left", Some(WARD)).await;
    world.user("ada", Role::Staff, Some(WARD)).await;
    let _phone = world.enrol(&workstation, "ada", faces::ADA_ENROLLED).await;
    workstation.scene.shows(faces::path(faces::ADA));
    let authorize = application(&world).await;
    play(&world, "locked", &authorize, 3).await;
    workstation.admits("ada").await;
    play(&world, "open", &authorize, 1).await;
    world.clock.advance(SignedDuration::from_mins(10));
    play(&world, "stepUp", &format!("{authorize}&max_age=60"), 3).await;
    workstation.agent.lock().await;
    play(&world, "locked", &authorize, 3).await;
}
