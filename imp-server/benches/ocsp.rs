//! How many answers by OCSP the server gives in a second, over plain HTTP on loopback, with a database in a file: answers that are
//! kept, by GET as caches ask and by POST, and answers that are signed for their nonce.
//!
//! `cargo bench -p imp-server --bench ocsp -- [PART…] [--seconds N] [--callers N] [--devices N]`
#![expect(clippy::print_stdout, reason = "a bench prints")]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[path = "ocsp/installation.rs"]
mod installation;

use installation::{Connection, Installation};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is measured, and how.
struct Wanted {
    parts: Vec<String>,
    time: Duration,
    callers: usize,
    devices: usize,
}

impl Wanted {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let time = Duration::from_secs(5);
        let mut wanted = Self { parts: vec![], time, callers: 16, devices: 1000 };
        while let Some(word) = words.next() {
            match word.as_str() {
                // Cargo says so.
                "--bench" => {}
                "--seconds" => {
                    let seconds = words.next().ok_or("--seconds N")?.parse()?;
                    wanted.time = Duration::from_secs(seconds);
                }
                "--callers" => wanted.callers = words.next().ok_or("--callers N")?.parse()?,
                "--devices" => wanted.devices = words.next().ok_or("--devices N")?.parse()?,
                part => wanted.parts.push(part.to_owned()),
            }
        }
        Ok(wanted)
    }

    fn part(&self, name: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|part| part == name)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let wanted = Wanted::read(std::env::args().skip(1))?;
    let installation = Installation::open(wanted.devices).await?;
    for (name, requests) in [
        ("cached GET", installation.by_get()?),
        ("cached POST", installation.by_post(false)?),
        ("signed (nonce)", installation.by_post(true)?),
    ] {
        if wanted.part(name.split(' ').next_back().unwrap_or(name)) || wanted.part(name) {
            measure(&wanted, name, &installation, &requests).await?;
        }
    }
    installation.close().await
}

/// Lets all callers ask for the wanted time, each over its own connection, and prints rate and waits.
async fn measure(
    wanted: &Wanted,
    name: &str,
    installation: &Installation,
    requests: &[Vec<u8>],
) -> Result<(), Failure> {
    let (start, rounds) = (Instant::now(), AtomicU64::new(0));
    let caller = async || {
        let mut connection = Connection::open(installation.address()).await?;
        let mut waits = vec![];
        while start.elapsed() < wanted.time {
            let round = usize::try_from(rounds.fetch_add(1, Ordering::Relaxed))?;
            let request = requests.get(round % requests.len().max(1)).ok_or("no request")?;
            let began = Instant::now();
            connection.ask(request).await?;
            waits.push(began.elapsed());
        }
        Ok::<_, Failure>(waits)
    };
    let callers: Vec<_> = (0..wanted.callers).map(|_| caller()).collect();
    let mut waits: Vec<Duration> = futures::future::try_join_all(callers).await?.concat();
    let took = start.elapsed();
    waits.sort_unstable();
    let rate = f64::from(u32::try_from(waits.len())?) / took.as_secs_f64();
    let at = |percent: usize| {
        let place = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
        waits.get(place).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1000.0)
    };
    println!("{name:<20} {rate:>9.0} /s   p50 {:>7.2} ms   p99 {:>7.2} ms", at(50), at(99));
    Ok(())
}
