use std::borrow::Cow;
use std::sync::Arc;

use imp_identity::clock::to_micros;
use imp_identity::{Actor, Digest, Event, EventId, Record, UserId};
use imp_storage::{Options, Storage, Transaction, on, testing};
use imp_translog::{
    CompactRange, Hash, LogKey, TILE_WIDTH, TileId, TilePath, decode_bundle, leaf_hash,
    open_checkpoint, tile_to_bytes,
};
use jiff::{Timestamp, ToSpan as _};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sqlx::migrate::Migrator;
use uuid::Uuid;

use super::*;
use crate::store::{MIGRATIONS, Tables as _};

const NOW: Timestamp = Timestamp::constant(1_700_000_000, 123_456_789);
const ORIGIN: &str = "hospital.example/log";

/// A log and its key.
struct Logbook {
    storage: Storage,
    key: Arc<LogKey>,
    rng: StdRng,
}

impl Logbook {
    async fn open(storage: Storage) -> Self {
        let key = Arc::new(LogKey::generate(ORIGIN).unwrap());
        let mut book = Self { storage, key, rng: StdRng::seed_from_u64(1) };
        assert_eq!(book.establish().await.unwrap(), 0);
        book
    }

    async fn establish(&mut self) -> Result<u64, EstablishError> {
        establish(&self.storage, &self.key, Digest::of(&[b"set"]), &mut self.rng).await
    }

    async fn append(&mut self, transaction: &mut Transaction, at: Timestamp) -> Appended {
        let id = EventId::generate(at, &mut self.rng);
        let user = UserId::from(Uuid::from_u128(7));
        let record = Record { id, at, actor: Actor::Server, event: Event::UserDisabled { user } };
        append(transaction, &self.key, record, &mut self.rng).await.unwrap()
    }

    /// Appends until the log has `size` entries, in one transaction.
    async fn grow(&mut self, size: u64) {
        let mut transaction = self.storage.begin().await.unwrap();
        while self.append(&mut transaction, NOW).await.index + 1 < size {}
        transaction.commit().await.unwrap();
    }

    /// Every leaf hash, from the entries themselves.
    async fn leaves(&self) -> Vec<Hash> {
        let mut transaction = self.storage.read().await.unwrap();
        let commitments = transaction.entries().commitments(0..u64::MAX).await.unwrap();
        commitments.iter().map(|commitment| leaf_hash(commitment)).collect()
    }

    /// Size and root of the checkpoint that is served.
    async fn checkpoint(&self) -> (u64, Hash) {
        let note = checkpoint(&self.storage, self.key.verifier_key()).await.unwrap().unwrap();
        let opened = open_checkpoint(&note, self.key.verifier_key()).unwrap();
        (opened.size, opened.root)
    }
}

async fn books() -> Vec<Logbook> {
    let mut books = vec![];
    for storage in testing::both(&MIGRATIONS).await {
        books.push(Logbook::open(storage).await);
    }
    books
}

fn root(leaves: &[Hash]) -> Hash {
    let mut range = CompactRange::new();
    for leaf in leaves {
        range.push(*leaf, &mut |_| ());
    }
    range.root()
}

#[tokio::test]
async fn a_log_begins_with_the_checkpoint_of_nothing() {
    for book in books().await {
        assert_eq!(book.checkpoint().await, (0, imp_translog::EMPTY_ROOT));
    }
}

#[tokio::test]
async fn a_checkpoint_of_exactly_the_entries_is_there_at_the_commit() {
    for mut book in books().await {
        for count in 1..=20_u64 {
            let mut transaction = book.storage.begin().await.unwrap();
            let appended = book.append(&mut transaction, NOW).await;
            transaction.commit().await.unwrap();
            assert_eq!(appended.index + 1, count);
            let leaves = book.leaves().await;
            assert_eq!(book.checkpoint().await, (count, root(&leaves)));
            let own = appended.checkpoint(&book.key).unwrap();
            let own = open_checkpoint(&own, book.key.verifier_key()).unwrap();
            assert_eq!((own.size, own.root), (count, root(&leaves)));
            let leaf = leaves[usize::try_from(appended.index).unwrap()];
            assert_eq!(appended.proof.verify(appended.index, count, leaf, own.root), Ok(()));
        }
    }
}

#[tokio::test]
async fn what_is_rolled_back_leaves_no_leaf() {
    for mut book in books().await {
        book.grow(255).await;
        let before = book.checkpoint().await;
        let mut transaction = book.storage.begin().await.unwrap();
        let lost = book.append(&mut transaction, NOW).await;
        book.append(&mut transaction, NOW).await;
        drop(transaction);
        assert_eq!(book.checkpoint().await, before);
        let mut transaction = book.storage.begin().await.unwrap();
        let kept = book.append(&mut transaction, NOW).await;
        transaction.commit().await.unwrap();
        assert_eq!(kept.index, lost.index, "the index is given again");
        let leaves = book.leaves().await;
        assert_eq!(book.checkpoint().await, (256, root(&leaves)));
        let tile = TilePath::Hashes { id: TileId { level: 0, index: 0 }, width: TILE_WIDTH };
        let served = resource(&book.storage, tile).await.unwrap().unwrap();
        assert_eq!(served, tile_to_bytes(&leaves));
    }
}

#[tokio::test]
async fn time_in_the_log_never_runs_backwards() {
    for mut book in books().await {
        let mut transaction = book.storage.begin().await.unwrap();
        let first = book.append(&mut transaction, NOW).await;
        let second = book.append(&mut transaction, NOW - 1.hour()).await;
        let third = book.append(&mut transaction, NOW + 1.hour()).await;
        transaction.commit().await.unwrap();
        assert_eq!(to_micros(first.at), to_micros(NOW));
        assert_eq!(second.at, first.at);
        let mut transaction = book.storage.read().await.unwrap();
        let page = transaction.entries().page(0, 9).await.unwrap();
        assert_eq!(page.iter().map(|e| e.at).collect::<Vec<_>>(), [first.at, first.at, third.at]);
        for entry in page {
            assert_eq!(entry.entry().unwrap().unwrap().record.at, entry.at);
        }
    }
}

#[tokio::test]
async fn what_is_served_is_the_tree_at_every_size() {
    for mut book in books().await {
        for size in [1, 2, 255, 256, 257, 511, 512, 1000] {
            book.grow(size).await;
            serves(&book, size).await;
        }
    }
}

#[tokio::test]
async fn tiles_of_the_third_level_begin_at_65_536_entries() {
    let storage = Storage::open("sqlite::memory:", &MIGRATIONS, &Options::default()).await;
    let mut book = Logbook::open(storage.unwrap()).await;
    for size in [65_535, 65_536, 65_537, 66_000] {
        book.grow(size).await;
        serves(&book, size).await;
    }
}

/// Everything that is served agrees with the tree made anew from the entries.
async fn serves(book: &Logbook, size: u64) {
    let leaves = book.leaves().await;
    assert_eq!(leaves.len() as u64, size);
    let whole = root(&leaves);
    assert_eq!(book.checkpoint().await, (size, whole));
    let mut level = leaves.clone();
    for number in 0.. {
        serves_level(book, number, &level).await;
        if level.len() < 256 {
            break;
        }
        level = level.as_chunks::<256>().0.iter().map(|chunk| root(chunk)).collect();
    }
    let (storage, key) = (&book.storage, book.key.verifier_key());
    for older in [1, 2, size / 3, size / 2, size - 1, size]
        .into_iter()
        .filter(|older| (1..=size).contains(older))
    {
        let old_root = root(&leaves[..usize::try_from(older).unwrap()]);
        let shown = consistency(storage, key, older, None).await.unwrap();
        assert_eq!(shown.proof.verify(older, old_root, size, whole), Ok(()), "{older} in {size}");
        for index in [0, older / 2, older - 1] {
            let leaf = leaves[usize::try_from(index).unwrap()];
            let shown = inclusion(storage, key, index, Some(older)).await.unwrap();
            assert_eq!((shown.size, shown.leaf), (older, leaf));
            assert_eq!(shown.proof.verify(index, older, leaf, old_root), Ok(()));
        }
    }
    let beyond = inclusion(storage, key, size, None).await.unwrap_err();
    assert!(matches!(beyond, ProofRequestError::OutOfTree(_)));
    let beyond = consistency(storage, key, 1, Some(size + 1)).await.unwrap_err();
    assert!(matches!(beyond, ProofRequestError::OutOfTree(_)));
}

async fn serves_level(book: &Logbook, level: u8, hashes: &[Hash]) {
    for (index, tile) in (0_u64..).zip(hashes.chunks(256)) {
        let width = u16::try_from(tile.len()).unwrap();
        let id = TileId { level, index };
        let served = resource(&book.storage, TilePath::Hashes { id, width }).await.unwrap();
        assert_eq!(served, Some(tile_to_bytes(tile)), "{id:?}");
        if width < TILE_WIDTH {
            let path = TilePath::Hashes { id, width: width + 1 };
            assert_eq!(resource(&book.storage, path).await.unwrap(), None);
        }
        if level == 0 {
            let path = TilePath::Entries { index, width };
            let bundle = resource(&book.storage, path).await.unwrap().unwrap();
            let entries = decode_bundle(&bundle).unwrap();
            let of_entries: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
            assert_eq!(of_entries, tile);
        }
    }
}

#[tokio::test]
async fn another_key_is_refused() {
    for mut book in books().await {
        let own = std::mem::replace(&mut book.key, Arc::new(LogKey::generate(ORIGIN).unwrap()));
        let refused = book.establish().await.unwrap_err();
        assert!(matches!(refused, EstablishError::OtherLogKey(_)));
        book.key = own;
        let other = Digest::of(&[b"other"]);
        let refused = establish(&book.storage, &book.key, other, &mut book.rng).await.unwrap_err();
        assert!(matches!(refused, EstablishError::OtherSetKey));
        assert_eq!(book.establish().await.unwrap(), 0);
    }
}

/// The schema of the first version.
fn first_schema() -> Migrator {
    let first: Vec<_> = MIGRATIONS.iter().filter(|m| m.version == 1).cloned().collect();
    assert_eq!(first.len(), 1);
    Migrator { migrations: Cow::Owned(first), ..Migrator::DEFAULT }
}

#[tokio::test]
async fn events_of_the_first_version_are_taken_in_once_and_in_their_order() {
    const SQL: &str = "INSERT INTO events (sequence, event_id, at, actor, kind, user_id, body) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("old.db").display());
    for url in std::iter::once(sqlite).chain(testing::postgres().await) {
        let old = Storage::open(&url, &first_schema(), &Options::default()).await.unwrap();
        let mut transaction = old.begin().await.unwrap();
        for n in 1..=700_i64 {
            let id = Uuid::from_u128(u128::try_from(n).unwrap());
            // A clock that was set back by a second every hundred events.
            let at = to_micros(NOW) + n - (n / 100) * 1_000_000;
            let body = format!(r#"{{"type":"user-disabled","user":"{id}"}}"#);
            on!(&mut transaction, |conn| sqlx::query(SQL)
                .bind(n)
                .bind(id)
                .bind(at)
                .bind(r#"{"kind":"operator","id":"root"}"#)
                .bind("user-disabled")
                .bind(id)
                .bind(body)
                .execute(conn)
                .await
                .map(drop))
            .unwrap();
        }
        transaction.commit().await.unwrap();
        old.close().await;

        let new = Storage::open(&url, &MIGRATIONS, &Options::default()).await.unwrap();
        let key = Arc::new(LogKey::generate(ORIGIN).unwrap());
        let mut book = Logbook { storage: new, key, rng: StdRng::seed_from_u64(1) };
        assert_eq!(book.establish().await.unwrap(), 700);
        assert_eq!(book.establish().await.unwrap(), 0, "and not again");
        serves(&book, 700).await;
        adopted(&book).await;
    }
}

/// Entry `n` is event `n + 1`, and commitments are those of the records.
async fn adopted(book: &Logbook) {
    let mut transaction = book.storage.read().await.unwrap();
    let mut last = Timestamp::MIN;
    for from in [0, 500] {
        for stored in transaction.entries().page(from, 500).await.unwrap() {
            assert_eq!(stored.event.as_uuid(), Uuid::from_u128(u128::from(stored.index) + 1));
            assert!(last <= stored.at);
            last = stored.at;
            let content = stored.content.clone().unwrap();
            let commitment = imp_translog::commitment(&content.salt, &content.record);
            assert_eq!(commitment, stored.commitment);
            let record = stored.entry().unwrap().unwrap().record;
            assert_eq!(record.actor, Actor::Operator("root".to_owned()));
            assert_eq!(record.event.user().map(UserId::as_uuid), Some(stored.event.as_uuid()));
        }
    }
}

#[tokio::test]
async fn two_replicas_that_append_at_once_make_one_log() {
    let Some(url) = testing::postgres().await else { return };
    let storage = Storage::open(&url, &MIGRATIONS, &Options::default()).await.unwrap();
    let first = Logbook::open(storage).await;
    let storage = Storage::open(&url, &MIGRATIONS, &Options::default()).await.unwrap();
    let key = Arc::clone(&first.key);
    let second = Logbook { storage, key, rng: StdRng::seed_from_u64(2) };
    let (first, mut others) = tokio::join!(run(first), run(second));
    let (book, mut appended) = first;
    appended.append(&mut others.1);
    appended.sort_by_key(|appended| appended.index);
    let leaves = book.leaves().await;
    assert_eq!(appended.iter().map(|a| a.index).collect::<Vec<_>>(), (0..200).collect::<Vec<_>>());
    assert_eq!(book.checkpoint().await, (200, root(&leaves)));
    for one in &appended {
        let note = one.checkpoint(&book.key).unwrap();
        let then = open_checkpoint(&note, book.key.verifier_key()).unwrap();
        let count = usize::try_from(then.size).unwrap();
        assert_eq!(then.root, root(&leaves[..count]), "at {}", one.index);
    }
}

/// Appends a hundred entries, a transaction each.
async fn run(mut book: Logbook) -> (Logbook, Vec<Appended>) {
    let mut all = vec![];
    for _ in 0..100 {
        let mut transaction = book.storage.begin().await.unwrap();
        all.push(book.append(&mut transaction, NOW).await);
        transaction.commit().await.unwrap();
    }
    (book, all)
}

#[tokio::test]
async fn what_is_erased_is_gone_from_the_file_and_its_entry_stays_proved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let url = format!("sqlite:{}", path.display());
    let storage = Storage::open(&url, &MIGRATIONS, &Options::default()).await.unwrap();
    let mut book = Logbook::open(storage).await;
    book.grow(300).await;
    let mut transaction = book.storage.begin().await.unwrap();
    let victim = transaction.entries().find(117).await.unwrap().unwrap();
    assert!(erase(&mut transaction, &victim).await.unwrap());
    assert!(erase(&mut transaction, &victim).await.unwrap(), "by what was read before");
    let erased = transaction.entries().find(117).await.unwrap().unwrap();
    assert!(!erase(&mut transaction, &erased).await.unwrap(), "there is nothing left");
    transaction.commit().await.unwrap();
    serves(&book, 300).await;
    book.storage.close().await;
    let file = std::fs::read(&path).unwrap();
    let holds = |needle: &[u8]| file.windows(needle.len()).any(|window| window == needle);
    let content = victim.content.unwrap();
    assert!(!holds(&content.salt));
    assert!(!holds(victim.event.to_string().as_bytes()), "no text of the record");
    assert!(holds(&victim.commitment), "the same search finds what is there");
}
