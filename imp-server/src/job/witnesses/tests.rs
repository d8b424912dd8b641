use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use imp_identity::clock::SystemClock;
use imp_identity::{Actor, Event};
use imp_translog::{CompactRange, leaf_hash, sign_checkpoint};

use super::*;
use crate::config::{Config, LogConfig};
use crate::store::Tables as _;
use crate::witness::{Keeper, WitnessServer};

/// A server's parts, and a witness that watches its log.
struct Ward {
    app: App,
    witness: WitnessServer,
    round: Round,
}

impl Ward {
    async fn open(folder: &Path) -> Self {
        let config = Config::at(&folder.join("server"));
        let app = App::open(config, Arc::new(SystemClock), 0).await.unwrap();
        let logs = vec![app.keys.log_key().verifier_key().clone()];
        let keeper = Keeper::open(&folder.join("witness"), "witness.example/w1", logs).unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let clock = Arc::new(SystemClock);
        let witness = WitnessServer::start(keeper, listen, None, clock, Shutdown::new()).await;
        let witness = witness.unwrap();
        let round = round(&app, &witness);
        Self { app, witness, round }
    }

    /// Appends an event to the server's log.
    async fn grow(&self) {
        let mut rng = app::rng();
        let mut context = self.app.context(&mut rng);
        command::report_refusal(&mut context, 0, "nobody", "a test").await.unwrap();
    }

    async fn size(&self) -> u64 {
        let key = self.app.keys.log_key().verifier_key();
        let note = log::checkpoint(&self.app.storage, key).await.unwrap().unwrap();
        open_checkpoint(&note, key).unwrap().size
    }

    async fn cosigned(&self) -> Option<u64> {
        let note = log::cosigned_checkpoint(&self.app.storage).await.unwrap()?;
        let note: SignedNote = note.parse().unwrap();
        assert_eq!(note.verify(std::slice::from_ref(self.witness.key())).unwrap().len(), 1);
        let checkpoint: Checkpoint = note.text.parse().unwrap();
        Some(checkpoint.size)
    }

    /// What the log says of refusals by the witness.
    async fn refusals(&self) -> Vec<String> {
        let mut transaction = self.app.storage.read().await.unwrap();
        let entries = transaction.entries().page(0, 500).await.unwrap();
        let records = entries.iter().filter_map(|entry| entry.entry().unwrap());
        let refusals = records.filter_map(|entry| {
            let Event::CheckpointRefused { witness, why, .. } = entry.record.event else {
                return None;
            };
            if witness == "nobody" {
                return None;
            }
            assert_eq!(entry.record.actor, Actor::Server);
            Some(why)
        });
        refusals.collect()
    }

    /// Shows the witness another history of `size` entries, signed by the same log.
    async fn fork(&self, size: u64) {
        let key = self.app.keys.log_key();
        let mut edge = CompactRange::new();
        (0..size).for_each(|_| edge.push(leaf_hash(b"fork"), &mut |_| ()));
        let origin = key.verifier_key().name().to_owned();
        let forked = Checkpoint { origin, size, root: edge.root(), extensions: vec![] };
        let note = sign_checkpoint(&forked, key.as_ref()).unwrap();
        let request = AddCheckpoint { old_size: 0, proof: ConsistencyProof::default(), note };
        let url = self.round.watchers[0].witness.url.clone();
        let answer = self.round.outside.post(url, request.to_string(), ANSWER).await.unwrap();
        assert_eq!(answer.status.as_u16(), 200);
    }
}

fn round(app: &App, witness: &WitnessServer) -> Round {
    let url = format!("http://{}/add-checkpoint", witness.address()).parse().unwrap();
    let witness = LogWitness { url, key: witness.key().clone() };
    let watchers = vec![Watcher { witness, known: 0, alarmed: false }];
    Round { app: app.clone(), outside: Outside::new().unwrap(), watchers }
}

#[tokio::test]
async fn checkpoints_are_cosigned_as_the_log_grows() {
    let folder = tempfile::tempdir().unwrap();
    let mut ward = Ward::open(folder.path()).await;
    assert_eq!(ward.cosigned().await, None);
    for _ in 0..3 {
        ward.grow().await;
        ward.round.once().await.unwrap();
        assert_eq!(ward.cosigned().await, Some(ward.size().await));
        let key = ward.app.keys.log_key().verifier_key();
        let shown = log::checkpoint_with_cosignatures(&ward.app.storage, key).await.unwrap();
        let cosigned = log::cosigned_checkpoint(&ward.app.storage).await.unwrap();
        assert_eq!(shown, cosigned, "the latest checkpoint is the cosigned one");
    }
    ward.grow().await;
    let key = ward.app.keys.log_key().verifier_key();
    let shown = log::checkpoint_with_cosignatures(&ward.app.storage, key).await.unwrap();
    assert_eq!(shown, log::checkpoint(&ward.app.storage, key).await.unwrap());
    assert_eq!(ward.refusals().await, Vec::<String>::new());

    // A server that starts again does not know what the witness has seen, and learns it.
    ward.round = round(&ward.app, &ward.witness);
    ward.round.once().await.unwrap();
    assert_eq!(ward.cosigned().await, Some(ward.size().await));
}

#[tokio::test]
async fn of_an_hour_the_last_cosigned_checkpoint_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut ward = Ward::open(folder.path()).await;
    for _ in 0..3 {
        ward.grow().await;
        ward.round.once().await.unwrap();
    }
    let mut transaction = ward.app.storage.read().await.unwrap();
    let kept = transaction.verification().checkpoints(0).await.unwrap();
    // Two, if an hour ended within this test.
    assert!(matches!(kept.len(), 1 | 2), "{kept:?}");
}

#[tokio::test]
async fn a_split_view_is_an_alarm_in_the_log_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut ward = Ward::open(folder.path()).await;
    ward.fork(1).await;
    for _ in 0..3 {
        ward.grow().await;
        ward.round.once().await.unwrap();
    }
    let refusals = ward.refusals().await;
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(refusals[0].starts_with("the witness has seen another history of the log"));
    assert_eq!(ward.cosigned().await, None);
}

#[tokio::test]
async fn a_rollback_is_an_alarm_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut ward = Ward::open(folder.path()).await;
    ward.fork(1000).await;
    ward.grow().await;
    ward.round.once().await.unwrap();
    let refusals = ward.refusals().await;
    assert!(refusals[0].contains("the witness has seen 1000 entries, but the log has only"));
}

#[tokio::test]
async fn a_witness_that_is_away_is_no_alarm_and_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut ward = Ward::open(folder.path()).await;
    let url = ward.round.watchers[0].witness.url.clone();
    ward.round.watchers[0].witness.url = "http://127.0.0.1:1/add-checkpoint".parse().unwrap();
    ward.grow().await;
    ward.round.once().await.unwrap();
    assert_eq!((ward.cosigned().await, ward.refusals().await.len()), (None, 0));
    ward.round.watchers[0].witness.url = url;
    ward.round.once().await.unwrap();
    assert_eq!(ward.cosigned().await, Some(ward.size().await));
}

#[test]
fn nobody_is_asked_unless_configured() {
    assert_eq!(Config::default().log, LogConfig { witness_seconds: 60, witnesses: vec![] });
}
