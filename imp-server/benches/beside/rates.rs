//! As many requests as each server takes.
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::caller::Application;
use super::processes::Running;
use super::{Failure, Waits, Wanted, population};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ClientCredentials,
    CodeFlow,
    Introspection,
}

impl Kind {
    const ALL: [Self; 3] = [Self::ClientCredentials, Self::CodeFlow, Self::Introspection];
    /// The other does not introspect access tokens that are JWTs.
    const OF_BOTH: [Self; 2] = [Self::ClientCredentials, Self::CodeFlow];

    const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::CodeFlow => "code and PKCE",
            Self::Introspection => "introspection",
        }
    }
}

/// Prints each kind's rate at both.
pub(super) async fn run(wanted: &Wanted) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let application = population::populate(&data, wanted.callers, wanted.callers).await?;
    let ours = {
        // All callers have one address.
        let limit = ("IMP_SERVER__LIMITS__OPENINGS_PER_MINUTE", "10000000");
        let running = Running::ours(&data, application, &[limit])?;
        measure_all("imp-server", &running, &Kind::ALL, wanted).await?
    };
    let theirs = {
        let running = Running::theirs(folder.path())?;
        measure_all("oidc-provider (node)", &running, &Kind::OF_BOTH, wanted).await?
    };
    for ((kind, ours), theirs) in Kind::ALL.iter().zip(ours).zip(theirs) {
        println!("{:<22} {:>5.1} times the other's rate", kind.name(), ours / theirs);
    }
    Ok(())
}

async fn measure_all(
    server: &str,
    running: &Running,
    kinds: &[Kind],
    wanted: &Wanted,
) -> Result<Vec<f64>, Failure> {
    let mut rates = Vec::new();
    for kind in kinds.iter().copied() {
        // Caches, connections and compilers are warm before anything counts.
        measure(&running.application, kind, wanted.callers, wanted.time / 5).await?;
        let before = running.cpu_time()?;
        let (rate, mut waits) =
            measure(&running.application, kind, wanted.callers, wanted.time).await?;
        let count = f64::from(u32::try_from(waits.0.len())?);
        let each = (running.cpu_time()? - before) / count * 1000.0;
        println!(
            "{server:<22} {:<20} {rate:>8.0} /s   p50 {:>7.2} ms   p99 {:>7.2} ms   CPU {each:>6.3} ms each",
            kind.name(),
            waits.percentile(50),
            waits.percentile(99)
        );
        rates.push(rate);
    }
    println!("{server:<22} {:<20} {:>8.1} MB resident", "afterwards", running.resident()?);
    Ok(rates)
}

async fn measure(
    application: &Application,
    kind: Kind,
    callers: usize,
    time: Duration,
) -> Result<(f64, Waits), Failure> {
    let began = Instant::now();
    // Each caller is a task of its own: they use both cores.
    let mut calls = JoinSet::new();
    for number in 0..callers {
        let application = application.clone();
        calls.spawn(async move { call(&application, number, kind, began + time).await });
    }
    let waits: Result<Vec<Vec<Duration>>, Failure> = calls.join_all().await.into_iter().collect();
    let waits = waits?.concat();
    let rate = f64::from(u32::try_from(waits.len())?) / began.elapsed().as_secs_f64();
    Ok((rate, Waits(waits)))
}

async fn call(
    application: &Application,
    number: usize,
    kind: Kind,
    until: Instant,
) -> Result<Vec<Duration>, Failure> {
    let mut browser = application.browser(number);
    let token = application.client_credentials().await?;
    let mut waits = Vec::new();
    while Instant::now() < until {
        let began = Instant::now();
        match kind {
            Kind::ClientCredentials => drop(application.client_credentials().await?),
            Kind::CodeFlow => drop(application.code_flow(&mut browser).await?),
            Kind::Introspection => application.introspect(&token).await?,
        }
        waits.push(began.elapsed());
    }
    Ok(waits)
}
