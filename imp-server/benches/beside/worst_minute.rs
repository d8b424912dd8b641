//! Memory with a hospital's people and sign-ons, and many times its worst minute, held.
//!
//! The hospital: 5,000 people at work. Its worst minute is a change of shifts: 300 people are signed on to four applications each, and the
//! applications ask 6,000 times whether a token counts. That is 20 flows and 100 questions a second; `--factor` multiplies both.
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval};

use super::caller::Application;
use super::processes::Running;
use super::{Failure, Waits, Wanted, population};

/// In the worst minute, a second.
const FLOWS: u64 = 20;
/// The same.
const QUESTIONS: u64 = 100;
/// How often something is begun.
const TICKS: u64 = 50;

/// What became of one thing that was begun.
struct Done {
    flow: bool,
    wait: Duration,
    failure: Option<String>,
}

/// Prints memory before and after, waits, and every kind of failure.
pub(super) async fn run(wanted: &Wanted) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let application = population::populate(&data, wanted.users, wanted.sign_ons).await?;
    let running = Running::ours(&data, application)?;
    let application = Arc::new(running.application.clone());
    println!("memory at the start           {:>8.1} MiB resident", running.resident()?);
    // Every sign-on is used once.
    for chunk in (0..wanted.sign_ons).collect::<Vec<_>>().chunks(64) {
        let flows = chunk.iter().map(|number| {
            let mut browser = application.browser(*number);
            let application = application.clone();
            async move { application.code_flow(&mut browser).await }
        });
        futures::future::try_join_all(flows).await?;
    }
    println!(
        "memory with {} users, {} sign-ons and grants {:>8.1} MiB resident (goal: 60)",
        wanted.users,
        wanted.sign_ons,
        running.resident()?
    );
    if wanted.minutes > 0 {
        hold(&application, wanted).await?;
        println!("memory afterwards             {:>8.1} MiB resident", running.resident()?);
    }
    Ok(())
}

/// Begins so much a second, whatever is still under way: who waits is not spared.
async fn hold(application: &Arc<Application>, wanted: &Wanted) -> Result<(), Failure> {
    let mut token = application.client_credentials().await?;
    let (sender, mut receiver) = unbounded_channel();
    let began = Instant::now();
    let mut ticks = interval(Duration::from_millis(1000 / TICKS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut flows, mut questions) = (0, 0);
    for tick in 1..=wanted.minutes * 60 * TICKS {
        ticks.tick().await;
        while flows < tick * FLOWS * wanted.factor / TICKS {
            begin(application, &sender, Some(usize::try_from(flows)?), &token);
            flows += 1;
        }
        while questions < tick * QUESTIONS * wanted.factor / TICKS {
            begin(application, &sender, None, &token);
            questions += 1;
        }
        if tick % (60 * TICKS) == 0 {
            // It counts for five minutes only.
            token = application.client_credentials().await?;
            println!(
                "minute {:>3}: {flows} flows and {questions} questions were begun",
                tick / (60 * TICKS)
            );
        }
    }
    drop(sender);
    let (mut of_flows, mut of_questions, mut failures) =
        (Waits::default(), Waits::default(), Vec::new());
    while let Some(done) = receiver.recv().await {
        let waits = if done.flow { &mut of_flows } else { &mut of_questions };
        waits.0.push(done.wait);
        failures.extend(done.failure);
    }
    for (name, mut waits) in [("flows", of_flows), ("questions", of_questions)] {
        let count = waits.0.len();
        println!(
            "{name:<12} {count:>8}   p50 {:>7.2} ms   p99 {:>7.2} ms",
            waits.percentile(50),
            waits.percentile(99)
        );
    }
    println!("{} failures in {:.0} s", failures.len(), began.elapsed().as_secs_f64());
    failures.sort();
    failures.dedup();
    for failure in failures.iter().take(10) {
        println!("  {failure}");
    }
    if failures.is_empty() { Ok(()) } else { Err("the worst minute was not held".into()) }
}

fn begin(
    application: &Arc<Application>,
    sender: &UnboundedSender<Done>,
    flow: Option<usize>,
    token: &str,
) {
    let (application, sender, token) = (application.clone(), sender.clone(), token.to_owned());
    #[expect(clippy::disallowed_methods, reason = "it ends with the bench")]
    tokio::task::spawn(async move {
        let began = Instant::now();
        let outcome = match flow {
            Some(number) => {
                let mut browser = application.browser(number);
                application.code_flow(&mut browser).await.map(drop)
            }
            None => application.introspect(&token).await,
        };
        let failure = outcome.err().map(|failure| failure.to_string());
        // Whoever counts is there until the last one is done.
        let _counted = sender.send(Done { flow: flow.is_some(), wait: began.elapsed(), failure });
    });
}
