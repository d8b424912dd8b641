//! What the OpenID provider gives in a second, over TLS on loopback, with a database in a file: tokens by `client_credentials`, answers
//! about tokens, and whole flows from the browser to the tokens.
//!
//! `cargo bench -p imp-server --bench oauth -- [PART…] [--seconds N] [--callers N]`
#![expect(clippy::print_stdout, reason = "a bench prints")]
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[path = "oauth/application.rs"]
mod application;
#[path = "oauth/installation.rs"]
mod installation;

use application::Application;
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
        let mut wanted = Self { parts: vec![], time: Duration::from_secs(10), callers: 32 };
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
    let application = Arc::new(installation.application().await?);
    if wanted.part("client_credentials") {
        measure(&wanted, "client_credentials", &application, async |application, _| {
            application.client_credentials().await.map(drop)
        })
        .await?;
    }
    if wanted.part("introspection") {
        let token = application.client_credentials().await?;
        measure(&wanted, "introspection", &application, async move |application, _| {
            application.introspect(&token).await
        })
        .await?;
    }
    if wanted.part("code") {
        measure(&wanted, "code", &application, async |application, round| {
            application.code_flow(round).await
        })
        .await?;
    }
    installation.close().await
}

/// Runs one part with all callers for the wanted time, and prints its rate and waits.
async fn measure<F>(
    wanted: &Wanted,
    name: &str,
    application: &Arc<Application>,
    one: F,
) -> Result<(), Failure>
where
    F: AsyncFn(&Application, u64) -> Result<(), Failure>,
{
    let (start, rounds) = (Instant::now(), AtomicU64::new(0));
    let caller = async || {
        let mut waits = vec![];
        while start.elapsed() < wanted.time {
            let began = Instant::now();
            one(application, rounds.fetch_add(1, Ordering::Relaxed)).await?;
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
