//! How long the server takes to say whether a connection is expected: `POST /access/v1/evaluation` over TLS on loopback, by an
//! application with an access token, among 10,000 rules and 10,000 devices, with the database in a file.
//!
//! `cargo bench -p imp-server --bench access -- [--seconds N] [--callers N]`
#![expect(clippy::print_stdout, reason = "a bench prints")]
use std::time::{Duration, Instant};

#[path = "access/installation.rs"]
mod installation;

use installation::{Caller, Installation};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How it is measured.
struct Wanted {
    time: Duration,
    callers: usize,
}

impl Wanted {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut wanted = Self { time: Duration::from_secs(10), callers: 16 };
        while let Some(word) = words.next() {
            match word.as_str() {
                // Cargo says so.
                "--bench" => {}
                "--seconds" => {
                    let seconds = words.next().ok_or("--seconds N")?.parse()?;
                    wanted.time = Duration::from_secs(seconds);
                }
                "--callers" => wanted.callers = words.next().ok_or("--callers N")?.parse()?,
                other => return Err(format!("{other} is not known").into()),
            }
        }
        Ok(wanted)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let wanted = Wanted::read(std::env::args().skip(1))?;
    let installation = Installation::open().await?;
    let caller = installation.caller().await?;
    measure("one caller", &caller, 1, wanted.time).await?;
    let name = format!("{} callers", wanted.callers);
    measure(&name, &caller, wanted.callers, wanted.time).await?;
    installation.close().await
}

/// Asks for the wanted time, and prints rate and waits.
async fn measure(
    name: &str,
    caller: &Caller,
    callers: usize,
    time: Duration,
) -> Result<(), Failure> {
    let start = Instant::now();
    let one = async |first: u32| {
        let (mut waits, mut number) = (vec![], first);
        while start.elapsed() < time {
            let began = Instant::now();
            caller.ask(number).await?;
            waits.push(began.elapsed());
            number = number.wrapping_add(7919);
        }
        Ok::<_, Failure>(waits)
    };
    let all: Vec<_> = (0..u32::try_from(callers)?).map(one).collect();
    let mut waits: Vec<Duration> = futures::future::try_join_all(all).await?.concat();
    let took = start.elapsed();
    waits.sort_unstable();
    let rate = f64::from(u32::try_from(waits.len())?) / took.as_secs_f64();
    let at = |per_mille: usize| {
        let place = (waits.len() * per_mille / 1000).min(waits.len().saturating_sub(1));
        waits.get(place).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1000.0)
    };
    let (p50, p99, p999) = (at(500), at(990), at(999));
    println!(
        "{name:<12} {rate:>8.0} /s   p50 {p50:>6.3} ms   p99 {p99:>6.3} ms   p99.9 {p999:>6.3} ms"
    );
    Ok(())
}
