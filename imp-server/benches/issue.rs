//! What a certificate costs: signed, in the table and in the log, on the disk; and beside it what Debian's cfssl signs a second,
//! which keeps neither table nor log.
//!
//! `cargo bench -p imp-server --bench issue -- [PART…] [--folder PATH]`, PART of `sqlite`, `postgresql`, `cfssl`.
#![expect(clippy::print_stdout, reason = "a bench prints")]
use std::path::{Path, PathBuf};
use std::time::Duration;

#[path = "issue/cfssl.rs"]
mod cfssl;
#[path = "issue/estate.rs"]
mod estate;
#[path = "issue/issue.rs"]
mod issue;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long each is measured.
const SPAN: Duration = Duration::from_secs(5);

/// Devices that ask at a time.
const ASKING: [u64; 4] = [1, 16, 64, 256];

/// What is measured.
struct Wanted {
    parts: Vec<String>,
    folder: Option<PathBuf>,
}

impl Wanted {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut wanted = Self { parts: vec![], folder: None };
        while let Some(word) = words.next() {
            match word.as_str() {
                // Cargo says so.
                "--bench" => {}
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

/// Says how many a second there were, and how long one took.
fn say(what: &str, asking: u64, rate: f64, waits: &mut [Duration]) {
    let (half, most) = (percentile(waits, 50), percentile(waits, 99));
    println!(
        "{what:<12} {asking:>4} at a time {rate:>8.0} certificates/s   p50 {half:>7.2} ms  p99 {most:>7.2} ms"
    );
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let wanted = Wanted::read(std::env::args().skip(1))?;
    let temporary = tempfile::tempdir()?;
    let folder: &Path = wanted.folder.as_deref().unwrap_or(temporary.path());
    if wanted.part("sqlite") {
        issue::run("SQLite", &folder.join("sqlite"), None).await?;
    }
    if wanted.part("postgresql")
        && let Some(server) = imp_storage::testing::OwnPostgres::start()?
    {
        let url = Some(server.create_database().await?);
        issue::run("PostgreSQL", &folder.join("postgresql"), url).await?;
    }
    if wanted.part("cfssl") {
        cfssl::run(&folder.join("cfssl")).await?;
    }
    Ok(())
}
