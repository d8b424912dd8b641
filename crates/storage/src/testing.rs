//! Databases for tests: SQLite always, PostgreSQL where it is installed.
use std::path::{Path, PathBuf};

use sqlx::migrate::Migrator;

use crate::storage::{Options, Storage};

mod cluster;

pub use cluster::OwnPostgres;

/// An empty migrated SQLite in memory, and an empty migrated PostgreSQL database unless PostgreSQL is not installed.
pub async fn both(migrator: &Migrator) -> Vec<Storage> {
    open(&["sqlite::memory:".to_owned()], migrator).await
}

/// As [`both`], but SQLite is a file in `directory`: readers and writers have connections of their own.
pub async fn both_concurrent(directory: &Path, migrator: &Migrator) -> Vec<Storage> {
    open(&[format!("sqlite:{}", directory.join("test.db").display())], migrator).await
}

#[expect(clippy::expect_used, reason = "a test without its database must fail loudly")]
async fn open(sqlite: &[String], migrator: &Migrator) -> Vec<Storage> {
    let mut storages = vec![];
    for url in sqlite.iter().chain(&postgres().await) {
        let storage = Storage::open(url, migrator, &Options::default()).await;
        storages.push(storage.expect("a test database opens"));
    }
    storages
}

/// The URL of an empty PostgreSQL database; `None`, with a line that says so, where PostgreSQL is not installed.
///
/// # Panics
///
/// When PostgreSQL is installed and does not start.
#[expect(clippy::expect_used, reason = "a test without its database must fail loudly")]
pub async fn postgres() -> Option<String> {
    let programs = programs()?;
    let cluster = tokio::task::spawn_blocking(move || cluster::join(&programs))
        .await
        .expect("the launcher does not panic")
        .expect("PostgreSQL starts");
    Some(cluster.create_database().await.expect("a database can be created"))
}

/// Where PostgreSQL is; `None`, with a line that says so, where it is not installed.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn programs() -> Option<PathBuf> {
    let programs = cluster::programs();
    if programs.is_none() {
        println!("skipped for PostgreSQL: it is not installed");
    }
    programs
}
