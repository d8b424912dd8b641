use std::sync::Arc;

use imp_identity::name::Remark;
use imp_identity::{Actor, Digest, ErasureId, Event, EventId, Record};
use imp_storage::{Storage, on, testing};
use imp_translog::witness::{AddCheckpoint, Witness};
use imp_translog::{ConsistencyProof, LogKey, SignedNote, WitnessKey, commitment};
use jiff::Timestamp;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::log::{append, erase, establish};
use crate::outside::Outside;
use crate::store::{Head, MIGRATIONS, Tables as _, VerificationRow};

const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);
const ORIGIN: &str = "hospital.example/log";

/// A log of every type of event there is, and the keys that belong to it.
struct Book {
    storage: Storage,
    key: Arc<LogKey>,
    rng: StdRng,
}

impl Book {
    async fn with(storage: Storage, size: u64) -> Self {
        Self::with_key(storage, Arc::new(LogKey::generate(ORIGIN).unwrap()), size, 1).await
    }

    async fn with_key(storage: Storage, key: Arc<LogKey>, size: u64, seed: u64) -> Self {
        let mut book = Self { storage, key, rng: StdRng::seed_from_u64(seed) };
        let set = Digest::of(&[b"set"]);
        establish(&book.storage, &book.key, set, &mut book.rng).await.unwrap();
        book.grow(size).await;
        book
    }

    async fn grow(&mut self, count: u64) {
        let samples = samples();
        let mut transaction = self.storage.begin().await.unwrap();
        for index in 0..count {
            let mut record = samples[usize::try_from(index).unwrap() % samples.len()].clone();
            record.id = EventId::generate(NOW, &mut self.rng);
            append(&mut transaction, &self.key, record, &mut self.rng).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }

    async fn append(&mut self, event: Event) {
        let id = EventId::generate(NOW, &mut self.rng);
        let record = Record { id, at: NOW, actor: Actor::Server, event };
        let mut transaction = self.storage.begin().await.unwrap();
        append(&mut transaction, &self.key, record, &mut self.rng).await.unwrap();
        transaction.commit().await.unwrap();
    }

    fn expectation(&self) -> Expectation {
        let log = self.key.verifier_key().clone();
        Expectation { log, since: None, witnesses: vec![] }
    }

    async fn verify(&self) -> Result<Sound, VerifyError> {
        verify_database(&self.storage, &self.expectation()).await
    }

    /// The sentence that the check says.
    async fn wrong(&self) -> String {
        self.verify().await.unwrap_err().to_string()
    }

    async fn row(&self, index: i64) -> VerificationRow {
        let mut transaction = self.storage.read().await.unwrap();
        transaction.verification().rows(index..index + 1).await.unwrap().remove(0)
    }

    async fn put_row(&self, row: &VerificationRow) {
        const SQL: &str = "UPDATE entries SET event_id = $2, at = $3, kind = $4, outcome = $5, user_id = $6, \
            actor_id = $7, workstation_id = $8, device_id = $9, record = $10, salt = $11, commitment = $12 \
            WHERE log_index = $1";
        let mut transaction = self.storage.begin().await.unwrap();
        on!(&mut transaction, |conn| sqlx::query(SQL)
            .bind(row.log_index)
            .bind(row.event_id)
            .bind(row.at)
            .bind(row.kind.clone())
            .bind(row.outcome.clone())
            .bind(row.user_id)
            .bind(row.actor_id)
            .bind(row.workstation_id)
            .bind(row.device_id)
            .bind(row.record.clone())
            .bind(row.salt.clone())
            .bind(row.commitment.clone())
            .execute(conn)
            .await
            .map(drop)
            .unwrap());
        transaction.commit().await.unwrap();
    }

    async fn head(&self) -> Head {
        let mut transaction = self.storage.read().await.unwrap();
        transaction.log().head(ORIGIN).await.unwrap().unwrap()
    }

    async fn put_head(&self, head: &Head) {
        let mut transaction = self.storage.begin().await.unwrap();
        transaction.log().put_head(ORIGIN, head).await.unwrap();
        transaction.commit().await.unwrap();
    }

    async fn put_tile(&self, id: TileId, bytes: &[u8]) {
        const SQL: &str =
            "UPDATE log_tiles SET hashes = $3 WHERE tile_level = $1 AND tile_index = $2";
        let mut transaction = self.storage.begin().await.unwrap();
        on!(&mut transaction, |conn| sqlx::query(SQL)
            .bind(i64::from(id.level))
            .bind(i64::try_from(id.index).unwrap())
            .bind(bytes.to_vec())
            .execute(conn)
            .await
            .map(drop)
            .unwrap());
        transaction.commit().await.unwrap();
    }

    async fn execute(&self, sql: &'static str) {
        let mut transaction = self.storage.begin().await.unwrap();
        on!(&mut transaction, |conn| sqlx::query(sql).execute(conn).await.map(drop).unwrap());
        transaction.commit().await.unwrap();
    }

    /// Erases a record without a word.
    async fn erase(&self, index: i64) {
        let mut transaction = self.storage.begin().await.unwrap();
        let entry = transaction.entries().find(index.unsigned_abs()).await.unwrap().unwrap();
        assert!(erase(&mut transaction, &entry).await.unwrap());
        transaction.commit().await.unwrap();
    }

    async fn keep_checkpoint(&self, size: u64, note: &str) {
        let mut transaction = self.storage.begin().await.unwrap();
        transaction.log_checkpoints().put(size, NOW, note).await.unwrap();
        transaction.commit().await.unwrap();
    }
}

/// One record of every type of event, but for erasures: those that never happened would be wrong.
fn samples() -> Vec<Record> {
    let all = imp_events::testing::samples().into_iter().map(|entry| entry.record);
    all.filter(|record| !record.event.name().starts_with("records-")).collect()
}

async fn books(size: u64) -> Vec<Book> {
    let mut books = vec![];
    for storage in testing::both(&MIGRATIONS).await {
        books.push(Book::with(storage, size).await);
    }
    books
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_sound() {
    for size in [0, 1, 256, 600] {
        for book in books(size).await {
            let sound = book.verify().await.unwrap();
            assert_eq!((sound.size, sound.erased), (size, Some(0)));
            assert_eq!(sound.tiles, size / 256 + u64::from(size >= 256));
        }
    }
}

#[tokio::test]
async fn every_changed_column_of_every_type_of_event_is_named() {
    type Tamper = fn(&mut VerificationRow);
    let tampers: [(&str, Tamper); 11] = [
        ("event_id", |row| {
            row.event_id = uuid::Uuid::from_u128(row.log_index.unsigned_abs().into());
        }),
        ("at", |row| row.at += 1),
        ("kind", |row| row.kind.push('x')),
        ("outcome", |row| row.outcome = Some("other".to_owned())),
        ("user_id", |row| row.user_id = Some(uuid::Uuid::from_u128(99))),
        ("actor_id", |row| row.actor_id = Some(uuid::Uuid::from_u128(99))),
        ("workstation_id", |row| row.workstation_id = Some(uuid::Uuid::from_u128(99))),
        ("device_id", |row| row.device_id = Some(uuid::Uuid::from_u128(99))),
        ("record of", |row| {
            let record = row.record.as_mut().unwrap();
            *record = record.replacen('2', "3", 1);
        }),
        ("record of", |row| row.salt.as_mut().unwrap()[31] ^= 1),
        ("record of", |row| row.commitment[0] ^= 0x80),
    ];
    for book in books(samples().len() as u64).await {
        for index in 0..i64::try_from(samples().len()).unwrap() {
            let genuine = book.row(index).await;
            for (what, tamper) in &tampers {
                let mut row = genuine.clone();
                tamper(&mut row);
                book.put_row(&row).await;
                let wrong = book.wrong().await;
                let place = format!("entry {index}");
                assert!(wrong.contains(what) && wrong.contains(&place), "{what} {index}: {wrong}");
            }
            book.put_row(&genuine).await;
        }
        book.verify().await.unwrap();
    }
}

#[tokio::test]
async fn every_byte_of_record_salt_and_commitment_counts() {
    let book = books(5).await.remove(0);
    let genuine = book.row(3).await;
    let record = genuine.record.clone().unwrap();
    for position in 0..record.len() {
        let mut bytes = record.clone().into_bytes();
        bytes[position] ^= 1;
        let row = VerificationRow { record: String::from_utf8(bytes).ok(), ..genuine.clone() };
        book.put_row(&row).await;
        assert!(book.wrong().await.contains("entry 3"), "byte {position} of the record");
    }
    for position in 0..32 {
        let mut row = genuine.clone();
        row.salt.as_mut().unwrap()[position] ^= 1;
        book.put_row(&row).await;
        assert!(book.wrong().await.contains("record of entry 3"), "byte {position} of the salt");
        let mut row = genuine.clone();
        row.commitment[position] ^= 1;
        book.put_row(&row).await;
        assert!(book.wrong().await.contains("entry 3"), "byte {position} of the commitment");
    }
}

#[tokio::test]
async fn every_byte_of_the_head_and_of_the_tiles_counts() {
    let book = books(600).await.remove(0);
    let genuine = book.head().await;
    for position in 0..genuine.checkpoint.len() {
        let mut bytes = genuine.checkpoint.clone().into_bytes();
        bytes[position] ^= 1;
        let Ok(checkpoint) = String::from_utf8(bytes) else { continue };
        book.put_head(&Head { checkpoint, ..genuine.clone() }).await;
        assert!(book.wrong().await.contains("checkpoint"), "byte {position} of the checkpoint");
    }
    for position in 0..genuine.peaks.len() / 8 {
        let mut head = genuine.clone();
        head.peaks[position * 8] ^= 1;
        book.put_head(&head).await;
        assert!(book.wrong().await.contains("peaks"), "byte {position} of the peaks");
    }
    book.put_head(&Head { size: genuine.size - 1, ..genuine.clone() }).await;
    assert!(book.wrong().await.contains("size"));
    book.put_head(&Head { last_at: genuine.last_at - 1, ..genuine.clone() }).await;
    assert!(book.wrong().await.contains("last_at"));
    book.put_head(&genuine).await;

    for (id, length) in [(TileId { level: 0, index: 1 }, 8192), (TileId { level: 1, index: 0 }, 64)]
    {
        let mut transaction = book.storage.read().await.unwrap();
        let genuine = transaction.verification().tile(id).await.unwrap().unwrap();
        drop(transaction);
        assert_eq!(genuine.len(), length);
        for position in (0..length).step_by(length / 32) {
            let mut bytes = genuine.clone();
            bytes[position] ^= 1;
            book.put_tile(id, &bytes).await;
            let place = format!("tile {} of level {}", id.index, id.level);
            assert!(book.wrong().await.contains(&place), "byte {position} of {id:?}");
        }
        book.put_tile(id, &genuine[32..]).await;
        assert!(book.wrong().await.contains("hashes that it should have"));
        book.put_tile(id, &genuine).await;
    }
    book.verify().await.unwrap();
}

#[tokio::test]
async fn gaps_and_rows_too_many_are_named() {
    for book in books(300).await {
        book.execute("DELETE FROM entries WHERE log_index = 7").await;
        assert_eq!(book.wrong().await, "entry 7 is missing: entry 8 follows the one before it");
        book.execute("UPDATE entries SET log_index = 7 WHERE log_index = 299").await;
        book.wrong().await;
    }
    for book in books(300).await {
        book.execute("DELETE FROM entries WHERE log_index = 299").await;
        assert!(book.wrong().await.contains("ends after 299 entries"));
    }
    for book in books(300).await {
        book.execute("DELETE FROM log_tiles WHERE tile_level = 1").await;
        assert_eq!(book.wrong().await, "tile 0 of level 1 is missing");
        book.execute("INSERT INTO log_tiles (tile_level, tile_index, hashes) SELECT 1, 0, hashes FROM log_tiles").await;
        assert!(book.wrong().await.contains("tile 0 of level 1"));
    }
    for book in books(300).await {
        book.execute("INSERT INTO log_tiles (tile_level, tile_index, hashes) SELECT 2, 7, hashes FROM log_tiles WHERE tile_level = 1").await;
        assert_eq!(book.wrong().await, "3 tiles are stored, but the entries make 2");
    }
}

#[tokio::test]
async fn a_record_that_was_rewritten_with_its_commitment_is_found() {
    for book in books(300).await {
        let genuine = book.row(40).await;
        let other = book.row(41).await;
        let row = VerificationRow { log_index: 40, event_id: genuine.event_id, ..other };
        let mut row = VerificationRow { at: genuine.at, ..row };
        let record = row.record.take().unwrap();
        let mut record: Record = serde_json::from_str(&record).unwrap();
        let before: Record = serde_json::from_str(&genuine.record.unwrap()).unwrap();
        (record.id, record.at) = (before.id, before.at);
        let record = serde_json::to_string(&record).unwrap();
        let salt: [u8; 32] = row.salt.clone().unwrap().try_into().unwrap();
        row.commitment = commitment(&salt, &record).to_vec();
        row.record = Some(record);
        book.put_row(&row).await;
        assert_eq!(book.wrong().await, "tile 0 of level 0 does not fit the entries from 40 to 40");
    }
}

#[tokio::test]
async fn an_erased_record_leaves_the_log_sound_and_only_if_the_log_says_so() {
    for mut book in books(300).await {
        book.erase(40).await;
        let unexplained =
            "the record of entry 40 is gone, but no later entry says that it was erased";
        assert_eq!(book.wrong().await, unexplained);
        let reason: Remark = "asked for by the patient".parse().unwrap();
        let erasure = ErasureId::generate(NOW, &mut book.rng);
        let erased = |entries| Event::RecordsErased {
            erasure,
            entries,
            reason: reason.clone(),
            requested_by: Actor::Server,
        };
        book.append(erased(vec![40])).await;
        assert_eq!(book.verify().await.unwrap().erased, Some(1));

        let mut row = book.row(40).await;
        row.outcome = Some("accepted".to_owned());
        book.put_row(&row).await;
        assert!(book.wrong().await.contains("entry 40 is erased, but its column outcome"));
        row.outcome = None;
        row.salt = Some(vec![0; 32]);
        book.put_row(&row).await;
        assert!(book.wrong().await.contains("entry 40 has a record without"));
        row.salt = None;
        book.put_row(&row).await;

        book.append(erased(vec![41])).await;
        let still_there =
            "entry 301 says that the record of entry 41 was erased, but it is still there";
        assert_eq!(book.wrong().await, still_there);
    }
}

#[tokio::test]
async fn records_past_their_retention_are_all_gone() {
    for mut book in books(300).await {
        let kind = book.row(40).await.kind;
        let mut all = vec![];
        for index in 0..200 {
            if book.row(index).await.kind == kind {
                all.push(index);
            }
        }
        assert!(all.len() > 1);
        for index in &all[1..] {
            book.erase(*index).await;
        }
        let erased = all.len() as u64;
        let of = kind.clone();
        book.append(Event::RecordsExpired { of, from: 0, until: 200, erased }).await;
        let wrong = book.wrong().await;
        assert!(wrong.contains(&format!("record of entry {} was erased", all[0])), "{wrong}");
        book.erase(all[0]).await;
        assert_eq!(book.verify().await.unwrap().erased, Some(erased));
        // A record that somebody hides among them is one too many.
        let other = (0..200).find(|index| !all.contains(index)).unwrap();
        book.erase(other).await;
        let mut row = book.row(other).await;
        row.kind = kind;
        book.put_row(&row).await;
        let hidden = format!("says that {erased} records expired, but {} of that", erased + 1);
        let wrong = book.wrong().await;
        assert!(wrong.contains(&hidden), "{wrong}");
    }
}

#[tokio::test]
async fn a_log_that_was_cut_or_forked_does_not_lead_to_the_checkpoint_that_was_kept() {
    for mut book in books(300).await {
        let kept = book.head().await.checkpoint;
        let user = imp_identity::UserId::from(uuid::Uuid::from_u128(7));
        book.append(Event::UserDisabled { user }).await;
        let since = |note: &str| Expectation { since: Some(note.to_owned()), ..book.expectation() };
        let later = book.head().await.checkpoint;
        let sound = verify_database(&book.storage, &since(&kept)).await.unwrap();
        assert_eq!((sound.size, sound.checkpoints), (301, 2));

        for (fork, wrong) in [
            (Book::with_key(sqlite().await, book.key.clone(), 300, 2).await, "two histories"),
            (Book::with_key(sqlite().await, book.key.clone(), 299, 2).await, "was cut"),
            (Book::with_key(sqlite().await, book.key.clone(), 301, 2).await, "first 300 entries"),
        ] {
            let found = verify_database(&fork.storage, &since(&kept)).await.unwrap_err();
            assert!(found.to_string().contains(wrong), "{found}");
        }
        let other = Book::with(sqlite().await, 300).await.head().await.checkpoint;
        let stranger = verify_database(&book.storage, &since(&other)).await.unwrap_err();
        assert!(matches!(stranger, VerifyError::Since(_)));
        assert!(verify_database(&book.storage, &since(&later)).await.is_ok());
    }
}

async fn sqlite() -> Storage {
    testing::both(&MIGRATIONS).await.remove(0)
}

#[tokio::test]
async fn stored_checkpoints_are_held_against_the_entries() {
    for mut book in books(250).await {
        let mut notes = vec![];
        for _ in 0..120 {
            let user = imp_identity::UserId::from(uuid::Uuid::from_u128(7));
            book.append(Event::UserDisabled { user }).await;
            let head = book.head().await;
            book.keep_checkpoint(head.size, &head.checkpoint).await;
            notes.push(head);
        }
        assert_eq!(book.verify().await.unwrap().checkpoints, 121);

        let fork = Book::with_key(sqlite().await, book.key.clone(), 300, 2).await;
        book.keep_checkpoint(300, &fork.head().await.checkpoint).await;
        assert!(book.wrong().await.contains("the first 300 entries are not those"));
        book.keep_checkpoint(300, &notes[0].checkpoint).await;
        assert_eq!(book.wrong().await, "a checkpoint of 251 entries is stored as one of 300");
        book.keep_checkpoint(300, &notes[49].checkpoint.replace("300", "301")).await;
        assert_eq!(book.wrong().await, "the stored checkpoint of 300 entries does not count");
    }
}

#[tokio::test]
async fn witnesses_that_are_asked_for_must_have_cosigned() {
    for book in books(20).await {
        let key_of_witness = WitnessKey::generate("witness.example/w1").unwrap();
        let key = key_of_witness.verifier_key().clone();
        let mut expectation = Expectation { witnesses: vec![key.clone()], ..book.expectation() };
        let missing = verify_database(&book.storage, &expectation).await.unwrap_err();
        let sentence = "the witness witness.example/w1 has cosigned no checkpoint of this log";
        assert_eq!(missing.to_string(), sentence);

        let witness = Witness::new(key_of_witness, vec![book.key.verifier_key().clone()]);
        let note: SignedNote = book.head().await.checkpoint.parse().unwrap();
        let request = AddCheckpoint { old_size: 0, proof: ConsistencyProof::default(), note };
        let cosigned = witness.consider(&request, 1_700_000_000).unwrap().note().to_string();
        book.keep_checkpoint(20, &cosigned).await;
        let sound = verify_database(&book.storage, &expectation).await.unwrap();
        let (witness, size, time) = ("witness.example/w1".to_owned(), 20, 1_700_000_000);
        assert_eq!(sound.cosigned, [Cosigned { witness, size, time }]);

        let changed: SignedNote = cosigned.parse().unwrap();
        let mut changed = changed;
        changed.signatures[1].bytes[20] ^= 1;
        book.keep_checkpoint(20, &changed.to_string()).await;
        let bad = verify_database(&book.storage, &expectation).await.unwrap_err();
        assert!(matches!(bad, VerifyError::Cosignature { size: 20, .. }), "{bad}");
        expectation.witnesses.clear();
        verify_database(&book.storage, &expectation).await.unwrap();
    }
}

#[tokio::test]
async fn another_log_or_key_in_the_database_is_named() {
    for book in books(3).await {
        let other = LogKey::generate("other.example/log").unwrap();
        let log = other.verifier_key().clone();
        let expectation = Expectation { log, ..book.expectation() };
        let wrong = verify_database(&book.storage, &expectation).await.unwrap_err();
        assert_eq!(wrong.to_string(), "the database has no log named other.example/log");
        book.execute("INSERT INTO log_head (origin, size, peaks, last_at, checkpoint) SELECT 'x', size, peaks, last_at, checkpoint FROM log_head").await;
        assert_eq!(book.wrong().await, "the database has a head of another log, x");
    }
}

#[tokio::test]
async fn a_row_that_no_longer_can_be_read_is_named() {
    let book = Book::with(sqlite().await, 300).await;
    book.execute("UPDATE entries SET salt = 'text', at = 'yesterday' WHERE log_index = 270").await;
    assert_eq!(book.wrong().await, "entry 270 cannot be read from the database");
}

#[tokio::test]
async fn an_outsider_checks_a_log_over_https_with_its_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::Config::at(folder.path());
    let clock = Arc::new(imp_identity::clock::SystemClock);
    let server = crate::Server::start(config, clock).await.unwrap();
    let app = server.app();
    let (storage, key) = (app.storage.clone(), app.keys.log_key().clone());
    let mut book = Book { storage, key, rng: StdRng::seed_from_u64(1) };
    book.grow(300).await;
    let outside = Outside::new().unwrap();
    let first = verify_remote(server.url(), &outside, &book.expectation()).await.unwrap();
    book.grow(300).await;
    let since = Expectation { since: Some(first.checkpoint), ..book.expectation() };
    let sound = verify_remote(server.url(), &outside, &since).await.unwrap();
    assert!(sound.size >= 600 && sound.tiles >= 4, "{sound:?}");
    assert_eq!((sound.erased, sound.checkpoints), (None, 2));

    let stranger = LogKey::generate(book.key.verifier_key().name()).unwrap();
    let log = stranger.verifier_key().clone();
    let untrusted = Expectation { log, ..book.expectation() };
    let wrong = verify_remote(server.url(), &outside, &untrusted).await.unwrap_err();
    assert!(matches!(wrong, VerifyError::Checkpoint(_)), "{wrong}");
    let wrong = verify_remote("ftp://localhost", &outside, &since).await.unwrap_err();
    assert!(matches!(wrong, VerifyError::Address), "{wrong}");
    let elsewhere = format!("{}/v1", server.url());
    let wrong = verify_remote(&elsewhere, &outside, &since).await.unwrap_err();
    assert!(matches!(wrong, VerifyError::NotShown { status: 404, .. }), "{wrong}");

    let mut row = book.row(40).await;
    row.commitment[0] ^= 1;
    book.put_row(&row).await;
    let wrong = verify_remote(server.url(), &outside, &since).await.unwrap_err();
    assert_eq!(wrong.to_string(), "tile 0 of level 0 does not fit the entries from 40 to 40");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_backup_is_checked_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let storage = testing::both_concurrent(folder.path(), &MIGRATIONS).await.remove(0);
    let book = Book::with(storage, 300).await;
    let backup = folder.path().join("backup.db");
    book.storage.close().await;
    std::fs::copy(folder.path().join("test.db"), &backup).unwrap();
    let before = std::fs::read(&backup).unwrap();
    let url = format!("sqlite:{}", backup.display());
    let storage = open(&url, &imp_storage::Options::default()).await.unwrap();
    let sound = verify_database(&storage, &book.expectation()).await.unwrap();
    assert_eq!(sound.size, 300);
    storage.close().await;
    assert_eq!(std::fs::read(&backup).unwrap(), before);
    let missing = format!("sqlite:{}", folder.path().join("nothing.db").display());
    assert!(open(&missing, &imp_storage::Options::default()).await.is_err());
    assert!(!folder.path().join("nothing.db").exists());
}
