//! What the log costs: durable appends a second, and, with a log of many events, proofs, searches, verification, and bytes.
//!
//! `cargo bench -p imp-server --bench log -- [PART…] [--events N] [--folder PATH]`
#![expect(clippy::print_stdout, reason = "a bench prints")]
use std::path::{Path, PathBuf};
use std::time::Duration;

#[path = "log/appends.rs"]
mod appends;
#[path = "log/disk.rs"]
mod disk;
#[path = "log/installation.rs"]
mod installation;
#[path = "log/load.rs"]
mod load;
#[path = "log/proofs.rs"]
mod proofs;
#[path = "log/searches.rs"]
mod searches;
#[path = "log/verification.rs"]
mod verification;
#[path = "log/ward.rs"]
mod ward;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is measured.
struct Wanted {
    parts: Vec<String>,
    events: u64,
    folder: Option<PathBuf>,
}

impl Wanted {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut wanted = Self { parts: vec![], events: 10_000_000, folder: None };
        while let Some(word) = words.next() {
            match word.as_str() {
                // Cargo says so.
                "--bench" => {}
                "--events" => wanted.events = words.next().ok_or("--events N")?.parse()?,
                "--folder" => wanted.folder = Some(words.next().ok_or("--folder PATH")?.into()),
                part => wanted.parts.push(part.to_owned()),
            }
        }
        Ok(wanted)
    }

    fn part(&self, name: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|part| part == name)
    }
}

/// The `percent`th percentile, in milliseconds.
fn percentile(waits: &mut [Duration], percent: usize) -> f64 {
    waits.sort_unstable();
    let place = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
    waits.get(place).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1000.0)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let wanted = Wanted::read(std::env::args().skip(1))?;
    let temporary = tempfile::tempdir()?;
    let folder = wanted.folder.as_deref().unwrap_or(temporary.path());
    if wanted.part("appends") {
        println!(
            "disk: {:.0} appends of 4 KiB a second, each with fdatasync",
            disk::syncs_per_second(folder)?
        );
        appends::run(folder).await?;
    }
    if wanted.part("large") {
        large(&folder.join("large"), wanted.events).await?;
    }
    Ok(())
}

/// A log of `events` entries in SQLite, and all that is asked of it.
async fn large(folder: &Path, events: u64) -> Result<(), Failure> {
    let app = installation::open(folder, None).await?;
    let mut ward = load::fill(&app, events).await?;
    proofs::inclusion(&app, events).await?;
    proofs::checkpoint(&app, &mut ward).await?;
    searches::run(&app, &mut ward).await?;
    app.storage.close().await;
    let app = installation::open(folder, None).await?;
    load::say_size(&app, &folder.join("imp.db"), events).await?;
    app.storage.close().await;
    verification::run(folder, events)
}
