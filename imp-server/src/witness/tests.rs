use std::path::Path;

use imp_identity::clock::SystemClock;
use imp_translog::witness::{AddCheckpoint, open_answer, origin_hash};
use imp_translog::{
    Checkpoint, CompactRange, ConsistencyProof, Hash, LogKey, leaf_hash, sign_checkpoint,
};
use reqwest::StatusCode;

use super::*;
use crate::outside::Outside;

const ORIGIN: &str = "ward.example/log";

fn log_key() -> LogKey {
    LogKey::generate(ORIGIN).unwrap()
}

/// The request for a log of the same few entries, after its first `old` ones; proofs of one leaf more need no tiles.
fn request(key: &LogKey, old: u64, size: u64, entry: &[u8]) -> AddCheckpoint {
    let mut edge = CompactRange::new();
    let mut proof = ConsistencyProof::default();
    for index in 0..size {
        let leaf = leaf_hash(entry);
        if index == old && old > 0 {
            assert!(old.is_power_of_two() && size == old + 1);
            proof.0.push(leaf);
        }
        edge.push(leaf, &mut |_| ());
    }
    request_of(key, old, size, edge.root(), proof)
}

fn request_of(
    key: &LogKey,
    old: u64,
    size: u64,
    root: Hash,
    proof: ConsistencyProof,
) -> AddCheckpoint {
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root, extensions: vec![] };
    AddCheckpoint { old_size: old, proof, note: sign_checkpoint(&checkpoint, key).unwrap() }
}

async fn start(folder: &Path, log: &LogKey) -> WitnessServer {
    let logs = vec![log.verifier_key().clone()];
    let keeper = Keeper::open(folder, "witness.example/w1", logs).unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    WitnessServer::start(keeper, listen, None, Arc::new(SystemClock), Shutdown::new())
        .await
        .unwrap()
}

async fn post(server: &WitnessServer, body: String) -> (StatusCode, String) {
    let url = format!("http://{}/add-checkpoint", server.address());
    let answer = Outside::new().unwrap().post(url.parse().unwrap(), body, 4096).await.unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

async fn latest(server: &WitnessServer) -> (StatusCode, String) {
    let url = format!("http://{}/{}/checkpoint", server.address(), origin_hash(ORIGIN));
    let answer = Outside::new().unwrap().get(url.parse().unwrap(), 4096).await.unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

#[tokio::test]
async fn a_witness_cosigns_what_continues_and_refuses_a_split_view() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_key();
    let server = start(folder.path(), &log).await;

    let first = request(&log, 0, 4, b"entry");
    let (status, answer) = post(&server, first.to_string()).await;
    assert_eq!(status, StatusCode::OK);
    open_answer(&answer, &first.note.text, server.key()).unwrap();

    let (status, answer) = post(&server, request(&log, 0, 5, b"entry").to_string()).await;
    assert_eq!((status, answer.as_str()), (StatusCode::CONFLICT, "4\n"));
    let forked = request(&log, 4, 5, b"other");
    let (status, _) = post(&server, forked.to_string()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let evidence = folder.path().join(origin_hash(ORIGIN)).with_extension("refused");
    assert_eq!(std::fs::read_to_string(evidence).unwrap(), forked.note.to_string());
    let (status, _) = post(&server, request(&log, 4, 5, b"entry").to_string()).await;
    assert_eq!(status, StatusCode::OK);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_witness_remembers_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_key();
    let server = start(folder.path(), &log).await;
    post(&server, request(&log, 0, 4, b"entry").to_string()).await;
    let key = server.key().clone();
    server.stop().await.unwrap();

    let server = start(folder.path(), &log).await;
    assert_eq!(*server.key(), key);
    let (status, answer) = post(&server, request(&log, 0, 3, b"other").to_string()).await;
    assert_eq!((status, answer.as_str()), (StatusCode::CONFLICT, "4\n"));
    let kept: imp_translog::SignedNote = latest(&server).await.1.parse().unwrap();
    assert_eq!(kept.verify(&[key, log.verifier_key().clone()]).unwrap().len(), 2);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn strangers_get_the_statuses_of_the_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_key();
    let server = start(folder.path(), &log).await;
    let (status, _) = post(&server, request(&log_key(), 0, 4, b"entry").to_string()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let unknown = request(&log, 0, 4, b"entry").to_string().replace(ORIGIN, "lab.example/log");
    assert_eq!(post(&server, unknown).await.0, StatusCode::NOT_FOUND);
    assert_eq!(post(&server, "old 0\n".to_owned()).await.0, StatusCode::BAD_REQUEST);
    let large = "x".repeat(200 * 1024);
    assert_eq!(post(&server, large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(latest(&server).await.0, StatusCode::NOT_FOUND);
    server.stop().await.unwrap();
}

#[test]
fn a_second_witness_in_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Keeper::open(folder.path(), "witness.example/w1", vec![]);
    let first = open().unwrap();
    assert!(matches!(open(), Err(KeeperError::Busy(_))));
    drop(first);
    open().unwrap();
}

#[test]
fn a_kept_checkpoint_that_was_changed_stops_the_witness() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_key();
    let logs = vec![log.verifier_key().clone()];
    let keeper = Keeper::open(folder.path(), "witness.example/w1", logs.clone()).unwrap();
    keeper.add(&request(&log, 0, 4, b"entry"), 1_700_000_000).unwrap();
    drop(keeper);
    let path = folder.path().join(origin_hash(ORIGIN)).with_extension("checkpoint");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\n4\n", "\n3\n")).unwrap();
    let opened = Keeper::open(folder.path(), "witness.example/w1", logs);
    assert!(matches!(opened, Err(KeeperError::Checkpoint { .. })));
}
