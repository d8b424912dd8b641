//! How many events a second are on the disk, with one and with many writers at a time.
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use imp_server::App;
use imp_storage::testing::OwnPostgres;
use tokio::task::JoinSet;

use super::Failure;
use super::installation::{append, open, rng};
use super::ward::Ward;

/// How long each number of writers is measured.
const SPAN: Duration = Duration::from_secs(4);

/// Writers at a time.
const WRITERS: [u64; 4] = [1, 16, 64, 256];

/// Measures both databases.
pub(super) async fn run(folder: &Path) -> Result<(), Failure> {
    let app = open(&folder.join("appends"), None).await?;
    measure("SQLite", &app).await?;
    app.storage.close().await;
    let Some(server) = OwnPostgres::start()? else { return Ok(()) };
    let app = open(&folder.join("appends"), Some(server.create_database().await?)).await?;
    measure("PostgreSQL", &app).await?;
    app.storage.close().await;
    Ok(())
}

async fn measure(database: &str, app: &App) -> Result<(), Failure> {
    for writers in WRITERS {
        let (rate, latency) = rate(app, writers).await?;
        println!(
            "{database:<12} {writers:>4} writers {rate:>9.0} appends/s   commit p50 {:>6.2} ms  p99 {:>6.2} ms",
            latency.0, latency.1
        );
    }
    Ok(())
}

/// Appends a second, each one a transaction of its own that has returned, and how long they took (p50, p99 in milliseconds).
async fn rate(app: &App, writers: u64) -> Result<(f64, (f64, f64)), Failure> {
    let done = Arc::new(AtomicU64::new(0));
    let ward = Ward::new(writers, app.now(), app.keys.trust_domain().clone());
    let ward = Arc::new(Mutex::new(ward));
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for seed in 0..writers {
        let (app, done, ward) = (app.clone(), Arc::clone(&done), Arc::clone(&ward));
        tasks.spawn(async move {
            let (mut rng, mut waits) = (rng(seed), vec![]);
            let start = Instant::now();
            while start.elapsed() < SPAN {
                let event = ward.lock().unwrap_or_else(PoisonError::into_inner).next();
                let asked = Instant::now();
                append(&app, &mut rng, event.into_iter().collect()).await?;
                waits.push(asked.elapsed());
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Failure>(waits)
        });
    }
    let mut waits = vec![];
    while let Some(task) = tasks.join_next().await {
        waits.extend(task??);
    }
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rate = done.load(Ordering::Relaxed) as f64 / seconds;
    Ok((rate, (super::percentile(&mut waits, 50), super::percentile(&mut waits, 99))))
}
