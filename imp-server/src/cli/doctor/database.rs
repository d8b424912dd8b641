//! The database: there, up to date, answering.
use imp_storage::{Storage, StorageError};
use jiff::Timestamp;
use sqlx::migrate::{AppliedMigration, Migrate, MigrateError};
use sqlx::{Connection as _, PgConnection, SqliteConnection};

use super::{Finding, chain};
use crate::config::Config;
use crate::store::{MIGRATIONS, Tables as _};

/// Where sqlx keeps which migrations were applied.
const TABLE: &str = "_sqlx_migrations";

/// The newest event's time, and what was found.
pub(super) async fn check(config: &Config) -> (Option<Timestamp>, Finding) {
    let url = config.storage_url();
    let applied = match applied(&url).await {
        Ok(applied) => applied,
        Err(error) => {
            let what = format!("the database cannot be used: {}", chain(error.as_ref()));
            let mend = "check storage.url, its account and permissions; the first `imp-server serve` creates SQLite's";
            return (None, Finding::wrong(what, mend));
        }
    };
    let known = MIGRATIONS.iter().filter(|m| m.migration_type.is_up_migration()).count();
    let pending = known.saturating_sub(applied.len());
    if pending > 0 {
        let what = format!("the database lacks {pending} of {known} migrations");
        let mend = "run `imp-server migrate`, or start the server, which does it";
        return (None, Finding::wrong(what, mend));
    }
    match newest(config).await {
        Ok(newest) => (newest, Finding::well("the database answers and its schema is up to date")),
        Err(error) => {
            let what = format!("the database cannot be read: {}", chain(&error));
            (None, Finding::wrong(what, "restore it from a backup, or ask for help with this text"))
        }
    }
}

async fn applied(
    url: &str,
) -> Result<Vec<AppliedMigration>, Box<dyn std::error::Error + Send + Sync>> {
    async fn list(connection: &mut impl Migrate) -> Result<Vec<AppliedMigration>, MigrateError> {
        connection.list_applied_migrations(TABLE).await
    }
    Ok(if url.starts_with("sqlite:") {
        list(&mut SqliteConnection::connect(url).await?).await?
    } else {
        list(&mut PgConnection::connect(url).await?).await?
    })
}

async fn newest(config: &Config) -> Result<Option<Timestamp>, StorageError> {
    let url = config.storage_url();
    let storage = Storage::open(&url, &MIGRATIONS, &config.storage_options()).await?;
    storage.check().await?;
    let newest = storage.read().await?.entries().page_before(u64::MAX, 1).await?;
    storage.close().await;
    Ok(newest.first().map(|entry| entry.at))
}
