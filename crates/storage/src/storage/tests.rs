use sqlx::migrate::Migrator;
use tokio::task::JoinSet;

use super::*;
use crate::on;
use crate::testing::{both, both_concurrent};

/// A schema for these tests alone.
async fn migrations() -> (tempfile::TempDir, Migrator) {
    let directory = tempfile::tempdir().unwrap();
    let sql = "CREATE TABLE things (id BIGINT PRIMARY KEY NOT NULL, name TEXT UNIQUE);";
    std::fs::write(directory.path().join("0001_things.sql"), sql).unwrap();
    let migrator = Migrator::new(directory.path()).await.unwrap();
    (directory, migrator)
}

async fn add(transaction: &mut Transaction, id: i64, name: &str) -> Result<(), StorageError> {
    const SQL: &str = "INSERT INTO things (id, name) VALUES ($1, $2)";
    on!(transaction, |conn| sqlx::query(SQL).bind(id).bind(name).execute(conn).await.map(drop))?;
    Ok(())
}

async fn count(storage: &Storage) -> i64 {
    const SQL: &str = "SELECT COUNT(*) FROM things";
    let mut transaction = storage.read().await.unwrap();
    on!(&mut transaction, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await.unwrap())
}

#[tokio::test]
async fn a_transaction_lasts_only_when_committed() {
    let (_directory, migrator) = migrations().await;
    for storage in both(&migrator).await {
        storage.check().await.unwrap();
        let mut transaction = storage.begin().await.unwrap();
        add(&mut transaction, 1, "one").await.unwrap();
        drop(transaction);
        assert_eq!(count(&storage).await, 0, "{}", storage.kind());
        let mut transaction = storage.begin().await.unwrap();
        add(&mut transaction, 1, "one").await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(count(&storage).await, 1, "{}", storage.kind());
        storage.close().await;
        assert!(storage.check().await.is_err());
    }
}

#[tokio::test]
async fn connections_keep_little_of_the_file_in_memory() {
    let (directory, migrator) = migrations().await;
    let url = format!("sqlite:{}", directory.path().join("imp.db").display());
    let storage = Storage::open(&url, &migrator, &Options::default()).await.unwrap();
    let Pools::Sqlite { write, read, .. } = &storage.pools else { panic!("not SQLite") };
    // Negative: in KiB (sqlite.org/pragma.html#pragma_cache_size).
    for (pool, kibibytes) in [(write, 16 * 1024), (read, 1024)] {
        let kept: i64 = sqlx::query_scalar("PRAGMA cache_size").fetch_one(pool).await.unwrap();
        assert_eq!(kept, -kibibytes);
    }
    storage.close().await;
}

#[tokio::test]
async fn a_second_row_with_the_same_name_is_a_unique_violation() {
    let (_directory, migrator) = migrations().await;
    for storage in both(&migrator).await {
        let mut transaction = storage.begin().await.unwrap();
        add(&mut transaction, 1, "one").await.unwrap();
        let error = add(&mut transaction, 2, "one").await.unwrap_err();
        assert!(error.is_unique_violation() && !error.is_busy(), "{}", storage.kind());
    }
}

#[tokio::test]
async fn writers_wait_for_each_other_and_readers_for_nobody() {
    let (directory, migrator) = migrations().await;
    for storage in both_concurrent(directory.path(), &migrator).await {
        let mut first = storage.begin().await.unwrap();
        add(&mut first, 1, "one").await.unwrap();
        assert_eq!(
            count(&storage).await,
            0,
            "{}: a reader sees what was committed",
            storage.kind()
        );
        let mut second = JoinSet::new();
        let beside = storage.clone();
        second.spawn(async move {
            let transaction = beside.begin().await.unwrap();
            transaction.commit().await.unwrap();
            count(&beside).await
        });
        tokio::task::yield_now().await;
        first.commit().await.unwrap();
        assert_eq!(
            second.join_next().await.unwrap().unwrap(),
            1,
            "{}: the second began after the first",
            storage.kind()
        );
    }
}

#[tokio::test]
async fn a_writer_that_waits_too_long_is_told_that_the_database_is_busy() {
    let (directory, migrator) = migrations().await;
    let options = Options { wait: Duration::from_millis(50), ..Options::default() };
    let mut urls = vec![format!("sqlite:{}", directory.path().join("busy.db").display())];
    urls.extend(crate::testing::postgres().await);
    for url in urls {
        let patient = Storage::open(&url, &migrator, &Options::default()).await.unwrap();
        let hasty = Storage::open(&url, &migrator, &options).await.unwrap();
        let _first = patient.begin().await.unwrap();
        assert!(hasty.begin().await.unwrap_err().is_busy(), "{}", hasty.kind());
    }
}

#[tokio::test]
async fn a_connection_survives_a_lock_that_was_not_granted() {
    let (_directory, migrator) = migrations().await;
    let Some(url) = crate::testing::postgres().await else { return };
    let options = Options { connections: 1, wait: Duration::from_millis(100) };
    let patient = Storage::open(&url, &migrator, &Options::default()).await.unwrap();
    let hasty = Storage::open(&url, &migrator, &options).await.unwrap();
    let first = patient.begin().await.unwrap();
    assert!(hasty.begin().await.unwrap_err().is_busy());
    first.commit().await.unwrap();
    let mut next = hasty.begin().await.unwrap();
    add(&mut next, 1, "one").await.unwrap();
    next.commit().await.unwrap();
    assert_eq!(count(&hasty).await, 1);
}

#[tokio::test]
async fn a_connection_survives_a_caller_that_gives_up_waiting_for_the_lock() {
    let (_directory, migrator) = migrations().await;
    let Some(url) = crate::testing::postgres().await else { return };
    let options = Options { connections: 1, ..Options::default() };
    let patient = Storage::open(&url, &migrator, &Options::default()).await.unwrap();
    let dropped = Storage::open(&url, &migrator, &options).await.unwrap();
    let first = patient.begin().await.unwrap();
    tokio::select! {
        begun = dropped.begin() => panic!("two writers at once: {begun:?}"),
        () = somebody_waits(&patient) => {}
    }
    first.commit().await.unwrap();
    let mut next = dropped.begin().await.unwrap();
    add(&mut next, 1, "one").await.unwrap();
    next.commit().await.unwrap();
    assert_eq!(count(&dropped).await, 1);
}

/// Completes when a writer waits for the lock.
async fn somebody_waits(storage: &Storage) {
    const SQL: &str = "SELECT COUNT(*) FROM pg_locks JOIN pg_database ON database = pg_database.oid \
        WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted";
    loop {
        let mut transaction = storage.read().await.unwrap();
        let waiting: i64 =
            on!(&mut transaction, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await.unwrap());
        if waiting > 0 {
            return;
        }
    }
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let (directory, migrator) = migrations().await;
    for storage in both_concurrent(directory.path(), &migrator).await {
        let mut transaction = storage.read().await.unwrap();
        assert!(add(&mut transaction, 1, "one").await.is_err(), "{}", storage.kind());
    }
}

#[tokio::test]
async fn an_url_of_neither_database_is_refused() {
    let (_directory, migrator) = migrations().await;
    for url in ["", "mysql://x", "imp.db"] {
        let error = Storage::open(url, &migrator, &Options::default()).await.unwrap_err();
        assert!(matches!(error, StorageError::Url), "{url}");
    }
    let nowhere = Storage::open("sqlite:/nowhere/x.db", &migrator, &Options::default()).await;
    assert!(matches!(nowhere, Err(StorageError::Open(_))));
}

#[tokio::test]
async fn what_was_committed_outlives_the_server_and_its_connections() {
    let (_directory, migrator) = migrations().await;
    let Some(server) = crate::testing::OwnPostgres::start().unwrap() else { return };
    let url = server.create_database().await.unwrap();
    let storage = Storage::open(&url, &migrator, &Options::default()).await.unwrap();
    let mut transaction = storage.begin().await.unwrap();
    add(&mut transaction, 1, "one").await.unwrap();
    transaction.commit().await.unwrap();
    let mut lost = storage.begin().await.unwrap();
    add(&mut lost, 2, "two").await.unwrap();
    server.stop().unwrap();
    assert!(lost.commit().await.is_err());
    assert!(storage.begin().await.is_err());
    server.start_again().unwrap();
    assert_eq!(count(&storage).await, 1);
    let mut transaction = storage.begin().await.unwrap();
    add(&mut transaction, 2, "two").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(count(&storage).await, 2);
}
