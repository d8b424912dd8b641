//! The log as two foreign libraries see it: the Go project's, and one from `PyPI`. Both accept what the server serves, and
//! neither accepts it once a byte is changed.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use imp_authenticator::tls::first_meeting;
use imp_identity::clock::SystemClock;
use imp_identity::{Actor, Event, EventId, Record, UserId};
use imp_server::command::{self, Context};
use imp_server::{Config, Keeper, LogWitness, Server, WitnessServer};
use imp_service::Shutdown;
use imp_tests::process::{PATIENCE, POLL};
use imp_tests::{python, source_tree};
use imp_translog::{
    Checkpoint, LogKey, SignedNote, TILE_WIDTH, TileId, TilePath, leaf_hash, open_checkpoint,
    sign_checkpoint,
};
use jiff::Timestamp;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tempfile::TempDir;

/// How a foreign verifier says that something does not hold.
const REJECTED: i32 = 3;
/// Sizes at which the checkpoint is kept.
const SIZES: [u64; 5] = [1, 200, 256, 513, 700];

/// What a server served, and the keys that belong to it.
struct Mirror {
    folder: TempDir,
    key: String,
    witness: String,
    /// Entries in the latest checkpoint: 700, and what the server's own jobs have added.
    size: u64,
    /// Where an earlier checkpoint is kept.
    earlier: String,
    /// A checkpoint of the same size that the log's key signed for another history.
    fork: String,
}

/// A server over HTTPS, and a client of it.
struct Served {
    server: Server,
    http: reqwest::Client,
}

impl Served {
    async fn start(config: Config) -> Self {
        let server = Server::start(config, Arc::new(SystemClock)).await.unwrap();
        let tls = first_meeting(server.ca(), Arc::new(SystemClock)).unwrap();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
        Self { server, http: http.build().unwrap() }
    }

    async fn bytes(&self, path: &str) -> Vec<u8> {
        let url = format!("{}/{path}", self.server.url());
        let answer = self.http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.bytes().await.unwrap().to_vec()
    }

    async fn checkpoint(&self) -> (String, Checkpoint) {
        let note = String::from_utf8(self.bytes("checkpoint").await).unwrap();
        let key = self.server.app().keys.log_key().verifier_key();
        let checkpoint = open_checkpoint(&note, key).unwrap();
        (note, checkpoint)
    }

    /// Appends until the log has `size` entries.
    async fn grow(&self, size: u64, rng: &mut StdRng) {
        let (_, now) = self.checkpoint().await;
        let records: Vec<_> = (now.size..size).map(|_| record(rng)).collect();
        let app = self.server.app();
        let mut context = Context {
            storage: &app.storage,
            now: app.now(),
            rng,
            trust_domain: app.keys.trust_domain(),
            signer: app.keys.statement_key(),
            log_key: app.keys.log_key(),
            authority: None,
        };
        command::append_records(&mut context, records).await.unwrap();
    }
}

fn record(rng: &mut StdRng) -> Record {
    let at = Timestamp::UNIX_EPOCH;
    let user = UserId::generate(at, rng);
    let id = EventId::generate(at, rng);
    Record { id, at, actor: Actor::Server, event: Event::UserDisabled { user } }
}

impl Mirror {
    /// Everything that a server serves of a log of 700 entries, cosigned by a witness.
    async fn make() -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut config = Config::at(&place.path().join("server"));
        let mut rng = StdRng::seed_from_u64(1);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("earlier")).unwrap();

        let first = Served::start(config.clone()).await;
        let (mut earlier, mut fork) = (String::new(), String::new());
        for size in SIZES {
            first.grow(size, &mut rng).await;
            let (note, checkpoint) = first.checkpoint().await;
            earlier = format!("earlier/{}", checkpoint.size);
            fs::write(folder.path().join(&earlier), note).unwrap();
            fork = forked(first.server.app().keys.log_key(), checkpoint.size);
        }
        let log = first.server.app().keys.log_key().verifier_key().clone();
        first.server.stop().await.unwrap();

        let keeper =
            Keeper::open(&place.path().join("witness"), "witness.example/w1", vec![log.clone()]);
        let listen = "127.0.0.1:0".parse().unwrap();
        let clock = Arc::new(SystemClock);
        let witness = WitnessServer::start(keeper.unwrap(), listen, None, clock, Shutdown::new());
        let witness = witness.await.unwrap();
        let url = format!("http://{}/add-checkpoint", witness.address()).parse().unwrap();
        config.log.witnesses = vec![LogWitness { url, key: witness.key().clone() }];

        let second = Served::start(config).await;
        let (key, cosigner) = (log.to_string(), witness.key().to_string());
        let mut mirror = Self { folder, key, witness: cosigner, size: 0, earlier, fork };
        mirror.copy(&second).await;
        second.server.stop().await.unwrap();
        witness.stop().await.unwrap();
        mirror
    }

    async fn copy(&mut self, served: &Served) {
        let (note, size) = cosigned(served).await;
        self.size = size;
        self.put("checkpoint", note.as_bytes());
        for path in resources(size) {
            self.put(&path, &served.bytes(&path).await);
        }
        let mut proofs = vec![];
        for (index, size) in [(0, 1), (0, size), (255, 256), (256, size), (699, size)] {
            proofs.push(served.bytes(&format!("v1/log/inclusion?index={index}&size={size}")).await);
        }
        self.put("inclusion.json", &array(&proofs));
        let mut proofs = vec![];
        for (from, to) in [(1, 200), (200, 256), (256, size), (513, size)] {
            proofs.push(served.bytes(&format!("v1/log/consistency?from={from}&to={to}")).await);
        }
        self.put("consistency.json", &array(&proofs));
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(path)).unwrap()
    }

    /// Whether each of the two accepts it, and what they say.
    fn judged(&self, go: &Path, key: &str) -> [(bool, String); 2] {
        let folder = self.folder.path().to_str().unwrap();
        let run = Command::new(go).args([folder, key]).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
        let accepted = run.status.success();
        assert!(accepted || run.status.code() == Some(REJECTED), "the Go program broke: {said}");
        let python = python::script("tlog.py", &[folder, key, &self.witness], b"").unwrap();
        [(accepted, said.into_owned()), (python.accepted, python.said)]
    }
}

fn forked(key: &LogKey, size: u64) -> String {
    let origin = key.verifier_key().name().to_owned();
    let root = leaf_hash(b"another history");
    let forked = Checkpoint { origin, size, root, extensions: vec![] };
    sign_checkpoint(&forked, key).unwrap().to_string()
}

/// The latest checkpoint, once it carries the witness's cosignature.
async fn cosigned(served: &Served) -> (String, u64) {
    let wait = async {
        loop {
            let (note, checkpoint) = served.checkpoint().await;
            if note.parse::<SignedNote>().unwrap().signatures.len() == 2 {
                return (note, checkpoint.size);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the witness cosigns")
}

/// The paths of all tiles and bundles of a log of `size` entries.
fn resources(size: u64) -> Vec<String> {
    let mut paths = vec![];
    for level in 0..=1 {
        for index in 0..=size / u64::from(TILE_WIDTH) {
            let id = TileId { level, index };
            let width = id.width_at(size);
            if width > 0 {
                paths.push(TilePath::Hashes { id, width });
                if level == 0 {
                    paths.push(TilePath::Entries { index, width });
                }
            }
        }
    }
    paths.iter().map(ToString::to_string).collect()
}

fn array(documents: &[Vec<u8>]) -> Vec<u8> {
    let values = documents.iter().map(|bytes| serde_json::from_slice(bytes).unwrap());
    serde_json::to_vec(&values.collect::<Vec<serde_json::Value>>()).unwrap()
}

/// Our small program over the Go project's library.
fn go(place: &Path) -> PathBuf {
    let program = place.join("tlog");
    let built = Command::new("go")
        .current_dir(source_tree::root().join("tests/foreign/tlog"))
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOCACHE", place.join("cache"))
        .env("GOFLAGS", "")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .output()
        .expect("Go is installed: run tests/setup/debian.sh test");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    program
}

#[tokio::test]
async fn foreign_libraries_accept_the_log_and_nothing_that_was_changed() {
    let mirror = Mirror::make().await;
    let place = tempfile::tempdir().unwrap();
    let go = go(place.path());
    let expected = format!("{} entries and 5 earlier checkpoints", mirror.size);
    for (accepted, said) in mirror.judged(&go, &mirror.key) {
        assert!(accepted && said.starts_with(&expected), "{said}");
    }
    let edge = mirror.size % 256;
    let (tile, bundle) = (format!("tile/0/002.p/{edge}"), format!("tile/entries/002.p/{edge}"));

    for (path, position) in [
        ("checkpoint", 18),
        ("checkpoint", 40),
        ("checkpoint", 120),
        ("tile/0/000", 0),
        ("tile/0/001", 8191),
        (tile.as_str(), 100),
        ("tile/1/000.p/2", 33),
        ("tile/entries/000", 1),
        ("tile/entries/000", 300),
        (bundle.as_str(), 40),
        (mirror.earlier.as_str(), 40),
    ] {
        let genuine = mirror.read(path);
        let mut changed = genuine.clone();
        changed[position] ^= 1;
        mirror.put(path, &changed);
        for (accepted, said) in mirror.judged(&go, &mirror.key) {
            assert!(!accepted, "byte {position} of {path}: {said}");
        }
        mirror.put(path, &genuine);
    }
    for (path, from, to) in [
        ("inclusion.json", "\"index\":255", "\"index\":254"),
        ("inclusion.json", "\"size\":1,", "\"size\":2,"),
        ("consistency.json", "\"from\":200", "\"from\":201"),
        ("consistency.json", "\"from\":513", "\"from\":512"),
    ] {
        let genuine = String::from_utf8(mirror.read(path)).unwrap();
        let changed = genuine.replace(from, to);
        assert_ne!(genuine, changed, "{path} does not hold {from}");
        mirror.put(path, changed.as_bytes());
        for (accepted, said) in mirror.judged(&go, &mirror.key) {
            assert!(!accepted, "{to}: {said}");
        }
        mirror.put(path, genuine.as_bytes());
    }
    // The same key signs another history: what an auditor has kept gives it away.
    let genuine = mirror.read(&mirror.earlier);
    mirror.put(&mirror.earlier, mirror.fork.as_bytes());
    let size = mirror.earlier.trim_start_matches("earlier/");
    for (accepted, said) in mirror.judged(&go, &mirror.key) {
        assert!(!accepted && said.contains(&format!("{size} entries")), "{said}");
    }
    mirror.put(&mirror.earlier, &genuine);
    let stranger = LogKey::generate("imp.internal/log").unwrap().verifier_key().to_string();
    for (accepted, said) in mirror.judged(&go, &stranger) {
        assert!(!accepted, "{said}");
    }
    for (accepted, said) in mirror.judged(&go, &mirror.key) {
        assert!(accepted, "everything is as it was: {said}");
    }
}
