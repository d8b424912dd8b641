//! The reference is in the agent's memory for one comparison, and on its disk never.
use std::sync::Arc;

use imp_client::credentials::Standing;
use imp_client::state::StateDirectory;
use imp_hardware::ble::CentralConfig;
use imp_hardware::keystore::KeystoreConfig;
use imp_identity::Clock;
use imp_identity::clock::SystemClock;
use imp_tests::demo::Narrator;
use imp_tests::demo::hospital::{Hospital, Phone};
use imp_tests::leak;
use imp_tests::source_tree;
use imp_tests::world::{caller, faces};

/// Random, and in the agent's environment: the search must find it.
const PLANTED: &str = "c2a4e1f07b95d3680fae42b1d89c5e73";

#[tokio::test(flavor = "multi_thread")]
async fn after_a_tap_the_template_is_nowhere_in_memory_or_on_disk() {
    let stage = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut hospital = Hospital::new(stage.path(), "hospital", &narrator).expect("a hospital");
    hospital.agent_environment.push(("PLANTED".to_owned(), PLANTED.to_owned()));
    hospital.open().expect("a server");
    for (username, role) in [("olga", "officer"), ("ada", "staff")] {
        let add = ["user", "add", username, "--name", username, "--role", role];
        hospital.administer(&add).expect("a user");
    }
    hospital.equip("Ward 3 left", "olga").expect("a workstation");
    let enrolled: Vec<_> = faces::ADA_ENROLLED.iter().map(|name| faces::path(name)).collect();
    hospital.camera_sees(&enrolled).expect("photographs");
    let mut phone = Phone::new(stage.path(), "phone-a", &narrator);
    hospital.enrol("ada", &mut phone).expect("an enrolment");
    hospital.camera_sees(&[faces::path(faces::ADA)]).expect("a face");
    for _ in 0..2 {
        let tapped = hospital.tap(&[]).expect("a tap");
        assert_eq!(tapped.outcome(), "accepted", "{}", tapped.report);
        hospital.client(&["lock"]).expect("a lock");
    }

    let secrets = secrets(&hospital).await;
    let pid = hospital.agent().expect("the agent runs").pid();
    let planted = leak::bytes_forms("planted", PLANTED.as_bytes());
    let (found, looked_at) = leak::process_memory_holds(pid, &planted).expect(
        "the memory of another process can be read by root or by who may trace it (ptrace(2))",
    );
    assert!(found.iter().any(|(name, _)| name == "planted"), "the search finds nothing");
    assert!(looked_at > 10 << 20, "{looked_at} bytes are not a whole agent");
    let (found, _) = leak::process_memory_holds(pid, &secrets).expect("the memory can be read");
    assert_eq!(found, [], "the reference is still in the agent's memory");

    let mut files = 0;
    let mut open = vec![hospital.workstation()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else if let Ok(bytes) = std::fs::read(entry.path()) {
                files += 1;
                let found = leak::found(&secrets, &bytes);
                assert!(found.is_empty(), "{}: {found:?}", source_tree::shown(&entry.path()));
            }
        }
    }
    assert!(files > 2, "the agent keeps credentials, key and roster");
}

/// Template and embeddings, as the phone releases them to this workstation.
async fn secrets(hospital: &Hospital<'_>) -> Vec<leak::Form> {
    let state = StateDirectory::open(hospital.workstation()).expect("the agent's folder");
    let keystore = KeystoreConfig::software(state.path("keys")).open().expect("its keys");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let standing = Standing::load(&state, keystore.as_ref(), clock.clone()).expect("credentials");
    let roster = caller::roster(&standing, clock.clone()).await;
    let air = CentralConfig::Emulated { air: hospital.air().to_path_buf() };
    let central = air.open().await.expect("the air");
    let released = caller::released(central.as_ref(), &standing, &roster.entries[0], clock);
    leak::reference_forms(&released.await)
}
