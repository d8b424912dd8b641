//! What a thief finds.
use std::path::Path;

use imp_tests::leak::{self, Form};
use imp_tests::source_tree;
use imp_tests::world::caller;

use super::Ward;

/// The bytes of every file in a folder.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else if let Ok(bytes) = std::fs::read(entry.path()) {
                found.push((source_tree::shown(&entry.path()), bytes));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

/// Template, its key, salt and embeddings, as the phone holds them.
async fn secrets(ward: &Ward) -> Vec<Form> {
    let standing = ward.workstation.agent.standing();
    let roster = caller::roster(&standing, ward.world.clock.clone()).await;
    let central = ward.world.air.central();
    let entry = &roster.entries[0];
    let released = caller::released(central.as_ref(), &standing, entry, ward.world.clock.clone());
    leak::reference_forms(&released.await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_disk_holds_no_template_and_no_session() {
    let ward = Ward::open().await;
    let session = ward.workstation.admits("ada").await;
    let secrets = secrets(&ward).await;
    let officer = ward.world.officer.expose().clone();
    let files = contents(&ward.workstation.folder);
    assert!(files.iter().any(|(name, _)| name.contains("roster")), "the roster is kept");
    for (name, bytes) in &files {
        assert_eq!(leak::found(&secrets, bytes), std::collections::BTreeSet::new(), "{name}");
        assert!(!holds(bytes, &session.id.to_string()), "{name} holds the session");
        assert!(!holds(bytes, &officer), "{name} holds the officer's token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_phone_disk_holds_the_template_only_sealed() {
    let ward = Ward::open().await;
    ward.workstation.admits("ada").await;
    let secrets = secrets(&ward).await;
    for (name, bytes) in contents(&ward.phone.folder(&ward.world)) {
        assert_eq!(leak::found(&secrets, &bytes), std::collections::BTreeSet::new(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_database_holds_no_face_and_no_token() {
    let ward = Ward::open().await;
    ward.workstation.admits("ada").await;
    let secrets = secrets(&ward).await;
    let officer = ward.world.officer.expose().clone();
    let Ward { world, workstation, phone } = ward;
    drop((workstation, phone));
    let folder = world.end().await;
    let files = contents(&folder.path().join("server"));
    assert!(files.iter().any(|(name, bytes)| name.ends_with("imp.db") && bytes.len() > 10_000));
    for (name, bytes) in &files {
        assert_eq!(leak::found(&secrets, bytes), std::collections::BTreeSet::new(), "{name}");
        assert!(!holds(bytes, &officer), "{name} holds the officer's token");
    }
}
