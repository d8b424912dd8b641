//! A log of many events, made through the same code that every event goes through.
use std::path::Path;
use std::time::Instant;

use imp_server::{App, log};
use imp_storage::on;

use super::Failure;
use super::installation::{append, rng};
use super::ward::Ward;

/// Events in a transaction: the pages at the ends of all indexes are then written once for many events.
const BATCH: usize = 100_000;

/// Appends until the log has `events` entries. Answers the hospital where they happened.
pub(super) async fn fill(app: &App, events: u64) -> Result<Ward, Failure> {
    let start = "2026-01-05T06:00:00Z".parse()?;
    let mut ward = Ward::new(7, start, app.keys.trust_domain().clone());
    let (mut rng, began) = (rng(8), Instant::now());
    let mut size = size(app).await?;
    let mut said = size;
    ward.go_on_after(size);
    while size < events {
        let count = BATCH.min(usize::try_from(events - size)?);
        let batch = ward.by_ref().take(count).collect();
        size = append(app, &mut rng, batch).await?.map_or(size, |last| last + 1);
        if size >= said + 1_000_000 {
            said = size;
            println!("  {size} events after {:.0} s", began.elapsed().as_secs_f64());
        }
    }
    println!("filled with {size} events in {:.0} s", began.elapsed().as_secs_f64());
    Ok(ward)
}

/// Entries that are there already: a folder that was kept is filled up.
async fn size(app: &App) -> Result<u64, Failure> {
    let key = app.keys.log_key().verifier_key();
    let note = log::checkpoint(&app.storage, key).await?.ok_or("the log was not begun")?;
    Ok(imp_translog::open_checkpoint(&note, key)?.size)
}

/// What an event takes on disk, all indexes and tiles included.
pub(super) async fn say_size(app: &App, file: &Path, events: u64) -> Result<(), Failure> {
    const RECORD: &str =
        "SELECT AVG(LENGTH(record)) FROM (SELECT record FROM entries LIMIT 100000) AS some";
    let mut transaction = app.storage.read().await?;
    let record: f64 =
        on!(&mut transaction, |conn| sqlx::query_scalar(RECORD).fetch_one(conn).await?);
    let bytes = std::fs::metadata(file)?.len();
    println!(
        "on disk: {} bytes an event, {record:.0} of them its record ({bytes} bytes)",
        bytes / events
    );
    Ok(())
}
