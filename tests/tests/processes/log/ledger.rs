//! What somebody outside remembers of a log, and holds it against.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use imp_identity::Event;
use imp_identity::clock::SystemClock;
use imp_server::store::{StoredEntry, Tables as _};
use imp_server::{App, Config, StorageConfig};
use imp_tests::process;
use imp_translog::{Checkpoint, CompactRange, VerifierKey, commitment, leaf_hash, open_checkpoint};

/// Entries that are read at a time.
const PAGE: u32 = 500;

/// What is known of an installation whose server dies again and again.
pub(super) struct Ledger {
    folder: PathBuf,
    url: String,
    key: VerifierKey,
    /// The tree over the entries that were there when it was looked at last.
    edge: CompactRange,
    /// Every checkpoint that was seen.
    checkpoints: Vec<Checkpoint>,
    /// What the server said that it did, by `created` or `disabled` and the user.
    acknowledged: BTreeSet<(String, String)>,
    /// What stands in the log, the same way, with how often.
    logged: BTreeMap<(String, String), usize>,
}

impl Ledger {
    /// An installation in `folder` with its database at `url`, both new.
    pub(super) async fn open(folder: &Path, url: String) -> Self {
        let app = open(folder, &url).await;
        let key = app.keys.log_key().verifier_key().clone();
        app.storage.close().await;
        Self {
            folder: folder.to_owned(),
            url,
            key,
            edge: CompactRange::new(),
            checkpoints: vec![],
            acknowledged: BTreeSet::new(),
            logged: BTreeMap::new(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Remembers what a server said before it died.
    pub(super) fn acknowledged(&mut self, said: &str) {
        for line in said.lines() {
            if let Some((what @ ("created" | "disabled"), user)) = line.split_once(' ') {
                let new = self.acknowledged.insert((what.to_owned(), user.to_owned()));
                assert!(new, "{line}: acknowledged twice");
            }
        }
    }

    /// Looks at what was added, and that everything which was acknowledged is there, once.
    pub(super) async fn check(&mut self) {
        let app = open(&self.folder, &self.url).await;
        let mut transaction = app.storage.read().await.expect("a snapshot");
        let head = transaction.log().head(self.key.name()).await.expect("the head");
        let head = head.expect("the log was begun");
        let checkpoint = open_checkpoint(&head.checkpoint, &self.key).expect("a signed checkpoint");
        assert!(checkpoint.size >= self.edge.size(), "the log has shrunk");
        loop {
            let page = transaction.entries().page(self.edge.size(), PAGE).await.expect("entries");
            for entry in &page {
                self.add(entry);
            }
            if page.is_empty() {
                break;
            }
        }
        assert_eq!(self.edge.size(), checkpoint.size, "entries without, or behind, a checkpoint");
        assert_eq!(self.edge.root(), checkpoint.root, "the checkpoint of other entries");
        self.checkpoints.push(checkpoint);
        drop(transaction);
        self.compare(&app).await;
        app.storage.close().await;
    }

    fn add(&mut self, stored: &StoredEntry) {
        assert_eq!(stored.index, self.edge.size(), "a gap");
        let content = stored.content.as_ref().expect("nothing was erased");
        assert_eq!(commitment(&content.salt, &content.record), stored.commitment);
        self.edge.push(leaf_hash(&stored.commitment), &mut |_| {});
        let entry = stored.entry().expect("a record").expect("nothing was erased");
        let key = if let Event::UserCreated { user, .. } = entry.record.event {
            ("created".to_owned(), user.to_string())
        } else if let Event::UserDisabled { user } = entry.record.event {
            ("disabled".to_owned(), user.to_string())
        } else {
            return;
        };
        *self.logged.entry(key).or_default() += 1;
    }

    /// Holds what was acknowledged, and what the tables say, against the log.
    async fn compare(&self, app: &App) {
        let doubled: Vec<_> = self.logged.iter().filter(|(_, count)| **count != 1).collect();
        assert!(doubled.is_empty(), "in the log more than once: {doubled:?}");
        let lost: Vec<_> =
            self.acknowledged.iter().filter(|key| !self.logged.contains_key(*key)).collect();
        assert!(lost.is_empty(), "acknowledged, and not in the log: {lost:?}");

        let mut transaction = app.storage.read().await.expect("a snapshot");
        let (mut created, mut disabled, mut after) = (0, 0, None);
        loop {
            let page = transaction.users().page(after.as_ref(), PAGE).await.expect("users");
            created += page.items.len();
            disabled += page.items.iter().filter(|user| !user.is_active()).count();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let logged = |what: &str| self.logged.keys().filter(|(kind, _)| kind == what).count();
        assert_eq!((created, disabled), (logged("created"), logged("disabled")), "tables and log");
    }

    /// Has the whole log checked, from its first entry, by the program that anybody would use; against every checkpoint too.
    pub(super) async fn close(mut self) {
        self.check().await;
        let app = open(&self.folder, &self.url).await;
        let mut transaction = app.storage.read().await.expect("a snapshot");
        let seen: BTreeMap<u64, _> =
            self.checkpoints.iter().map(|seen| (seen.size, seen.root)).collect();
        let (mut edge, mut compared) = (CompactRange::new(), 0);
        loop {
            let page = transaction.entries().page(edge.size(), PAGE).await.expect("entries");
            if page.is_empty() {
                break;
            }
            for entry in page {
                edge.push(leaf_hash(&entry.commitment), &mut |_| {});
                if let Some(root) = seen.get(&edge.size()) {
                    assert_eq!(edge.root(), *root, "the checkpoint of {} entries", edge.size());
                    compared += 1;
                }
            }
        }
        assert_eq!(compared, seen.len(), "checkpoints of more entries than there are");
        assert!(self.acknowledged.len() > 100, "too little happened");
        drop(transaction);
        app.storage.close().await;
        self.verify();
    }

    fn verify(&self) {
        let mut command = Command::new(process::binary("imp-server"));
        command.arg("--data").arg(&self.folder).args(["log", "verify", "--database", &self.url]);
        let verified = process::run(&mut command).expect("it ends");
        assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    }
}

async fn open(folder: &Path, url: &str) -> App {
    let at = Config::at(folder);
    let storage = StorageConfig { url: Some(url.to_owned()), ..at.storage.clone() };
    let config = Config { storage, ..at };
    let mut tries = 0;
    loop {
        match App::open(config.clone(), Arc::new(SystemClock), 0).await {
            Ok(app) => return app,
            // A database that recovers refuses for a moment.
            Err(_) if tries < 100 => tokio::time::sleep(process::POLL).await,
            Err(error) => panic!("the installation does not open: {error:?}"),
        }
        tries += 1;
    }
}
