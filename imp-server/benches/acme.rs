//! What ACME gives in a second, over TLS on loopback, with a database in a file: whole orders, from the order to the certificate in the
//! client's hands, with http-01; and how long `lego` takes from its start to a certificate, account included.
//!
//! `cargo bench -p imp-server --bench acme -- [PART…] [--seconds N] [--callers N]`
#![expect(clippy::print_stdout, reason = "a bench prints")]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[path = "acme/client.rs"]
mod client;
#[path = "acme/installation.rs"]
mod installation;

use client::Client;
use installation::Installation;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is measured, and how.
struct Wanted {
    parts: Vec<String>,
    time: Duration,
    callers: usize,
}

impl Wanted {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut wanted = Self { parts: vec![], time: Duration::from_secs(10), callers: 16 };
        while let Some(word) = words.next() {
            match word.as_str() {
                // Cargo says so.
                "--bench" => {}
                "--seconds" => {
                    let seconds = words.next().ok_or("--seconds N")?.parse()?;
                    wanted.time = Duration::from_secs(seconds);
                }
                "--callers" => wanted.callers = words.next().ok_or("--callers N")?.parse()?,
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
    let installation = Installation::open().await?;
    if wanted.part("orders") {
        orders(&wanted, &installation).await?;
    }
    if wanted.part("lego") {
        lego(&installation).await?;
    }
    installation.close().await
}

/// Whole orders by all callers for the wanted time: each caller is a device with its own account.
async fn orders(wanted: &Wanted, installation: &Installation) -> Result<(), Failure> {
    let mut clients = vec![];
    for number in 0..wanted.callers {
        clients.push(installation.client(number).await?);
    }
    let (start, count) = (Instant::now(), AtomicU64::new(0));
    let caller = async |client: &Client| {
        let mut waits = vec![];
        while start.elapsed() < wanted.time {
            let began = Instant::now();
            client.certificate(installation).await?;
            count.fetch_add(1, Ordering::Relaxed);
            waits.push(began.elapsed());
        }
        Ok::<_, Failure>(waits)
    };
    let callers: Vec<_> = clients.iter().map(caller).collect();
    let waits = futures::future::try_join_all(callers).await?.concat();
    print("orders", &waits, start.elapsed())
}

/// One cold run of `lego` after the other: a new account, a new key, a certificate in files.
async fn lego(installation: &Installation) -> Result<(), Failure> {
    let key = installation.lego_key().await?;
    let start = Instant::now();
    let mut waits = vec![];
    for number in 0..10 {
        let Some(took) = installation.lego(number, &key).await? else {
            println!("lego                 skipped: it is not installed");
            return Ok(());
        };
        waits.push(took);
    }
    print("lego, cold", &waits, start.elapsed())
}

fn print(name: &str, waits: &[Duration], took: Duration) -> Result<(), Failure> {
    let mut waits = waits.to_vec();
    waits.sort_unstable();
    let rate = f64::from(u32::try_from(waits.len())?) / took.as_secs_f64();
    let at = |percent: usize| {
        let place = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
        waits.get(place).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1000.0)
    };
    println!("{name:<20} {rate:>9.1} /s   p50 {:>7.1} ms   p99 {:>7.1} ms", at(50), at(99));
    Ok(())
}
