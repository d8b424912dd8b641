//! This server and the node `oidc-provider`, each a process of its own, one after the other on the same machine: what each gives in a second
//! over TLS. Then what this one holds: memory with a hospital's people and sign-ons, and ten times its worst minute.
//!
//! `cargo bench -p imp-server --bench beside -- [PART…] [--seconds N] [--callers N] [--minutes N] [--factor N] [--users N]
//! [--sign-ons N]`. Parts: `rates`, `passkeys`, `memory` (with the worst minute). `rates` needs tests/setup/node.sh.
#![expect(clippy::print_stdout, reason = "a bench prints")]
use std::time::Duration;

#[path = "beside/caller.rs"]
mod caller;
#[path = "beside/passkeys.rs"]
mod passkeys;
#[path = "beside/population.rs"]
mod population;
#[path = "beside/processes.rs"]
mod processes;
#[path = "beside/rates.rs"]
mod rates;
#[path = "beside/worst_minute.rs"]
mod worst_minute;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is measured, and how.
struct Wanted {
    parts: Vec<String>,
    time: Duration,
    callers: usize,
    minutes: u64,
    factor: u64,
    users: usize,
    sign_ons: usize,
}

impl Wanted {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut wanted = Self {
            parts: vec![],
            time: Duration::from_secs(10),
            callers: 16,
            minutes: 10,
            factor: 10,
            users: 10_000,
            sign_ons: 5_000,
        };
        while let Some(word) = words.next() {
            let mut number = || -> Result<u64, Failure> {
                Ok(words.next().ok_or("a number is missing")?.parse()?)
            };
            match word.as_str() {
                // Cargo says so.
                "--bench" => {}
                "--seconds" => wanted.time = Duration::from_secs(number()?),
                "--callers" => wanted.callers = usize::try_from(number()?)?,
                "--minutes" => wanted.minutes = number()?,
                "--factor" => wanted.factor = number()?,
                "--users" => wanted.users = usize::try_from(number()?)?,
                "--sign-ons" => wanted.sign_ons = usize::try_from(number()?)?,
                part => wanted.parts.push(part.to_owned()),
            }
        }
        Ok(wanted)
    }

    fn part(&self, name: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|part| part == name)
    }
}

/// The waits of many requests.
#[derive(Default)]
struct Waits(Vec<Duration>);

impl Waits {
    /// The `percent`th percentile, in milliseconds.
    fn percentile(&mut self, percent: usize) -> f64 {
        self.0.sort_unstable();
        let place = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(place).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1000.0)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let wanted = Wanted::read(std::env::args().skip(1))?;
    if wanted.part("rates") {
        rates::run(&wanted).await?;
    }
    if wanted.part("passkeys") {
        passkeys::run(wanted.time)?;
    }
    if wanted.part("memory") {
        worst_minute::run(&wanted).await?;
    }
    Ok(())
}
