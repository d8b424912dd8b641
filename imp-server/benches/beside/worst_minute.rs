//! Memory with a hospital's people and sign-ons, and many times its worst minute, held.
//!
//! The hospital: 5,000 people at work. Its worst minute is a change of shifts: 300 people are signed on to four applications each, and the
//! applications ask 6,000 times whether a token counts. That is 20 flows and 100 questions a second; `--factor` multiplies both, and the
//! people and hosts. Each browser and each host of an application has an address and connections of its own, as in a hospital.
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval};

use super::caller::{Application, Browser};
use super::processes::Running;
use super::{Failure, Waits, Wanted, population};

/// In the worst minute, a second.
const FLOWS: u64 = 20;
/// The same.
const QUESTIONS: u64 = 100;
/// Applications that each person is signed on to; each has a host.
const APPLICATIONS: u64 = 4;
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
    // As it is shipped: no limit is raised.
    let running = Running::ours(&data, application, &[])?;
    let machines = Machines::new(&running.application, wanted)?;
    println!("memory at the start           {:>8.1} MB resident", running.resident()?);
    // Every sign-on is used once.
    for chunk in (0..wanted.sign_ons).collect::<Vec<_>>().chunks(64) {
        let flows = chunk.iter().map(|number| {
            let host = machines.hosts[number % machines.hosts.len()].clone();
            let browser = host.browser(*number);
            flow(host, browser)
        });
        futures::future::try_join_all(flows).await?;
    }
    println!(
        "memory with {} users, {} sign-ons and grants {:>8.1} MB resident (goal: 60)",
        wanted.users,
        wanted.sign_ons,
        running.resident()?
    );
    if wanted.minutes > 0 {
        hold(&machines, wanted).await?;
        println!("memory afterwards             {:>8.1} MB resident", running.resident()?);
    }
    Ok(())
}

/// The machines that call: each with an address and connections of its own.
struct Machines {
    /// Hosts of applications.
    hosts: Vec<Arc<Application>>,
    /// Of the people's workstations.
    browsers: Vec<reqwest::Client>,
    /// People in the worst minute.
    people: u64,
}

impl Machines {
    fn new(application: &Application, wanted: &Wanted) -> Result<Self, Failure> {
        let people = 60 * FLOWS / APPLICATIONS * wanted.factor;
        // 127.2.0.0/16 and 127.3.0.0/16.
        let address = |net: u32, number| Ipv4Addr::from_bits((127 << 24) + (net << 16) + number);
        let hosts = (1..=u32::try_from(APPLICATIONS * wanted.factor)?)
            .map(|number| Ok(Arc::new(application.on_host(address(2, number))?)));
        let browsers = (1..=u32::try_from(wanted.sign_ons)?)
            .map(|number| application.client_at(address(3, number)));
        Ok(Self {
            hosts: hosts.collect::<Result<_, Failure>>()?,
            browsers: browsers.collect::<Result<_, Failure>>()?,
            people,
        })
    }

    /// Who asks the `number`th question, and signs on for the `number`th time: everybody a quarter of a minute after the last
    /// time, and after a minute somebody else.
    fn of(&self, number: u64) -> Result<(Arc<Application>, usize), Failure> {
        let host = usize::try_from(number + number / self.people)? % self.hosts.len();
        let minute = number / (self.people * APPLICATIONS);
        let person = usize::try_from(minute * self.people + number % self.people)?;
        Ok((self.hosts[host].clone(), person % self.browsers.len().max(1)))
    }
}

/// Begins so much a second, whatever is still under way: who waits is not spared.
async fn hold(machines: &Machines, wanted: &Wanted) -> Result<(), Failure> {
    let mut token = machines.hosts[0].client_credentials().await?;
    let (sender, mut receiver) = unbounded_channel();
    let began = Instant::now();
    let mut ticks = interval(Duration::from_millis(1000 / TICKS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut flows, mut questions) = (0, 0);
    for tick in 1..=wanted.minutes * 60 * TICKS {
        ticks.tick().await;
        while flows < tick * FLOWS * wanted.factor / TICKS {
            let (host, person) = machines.of(flows)?;
            let browser = host.browser_at(person, machines.browsers[person].clone());
            begin(&sender, true, flow(host, browser));
            flows += 1;
        }
        while questions < tick * QUESTIONS * wanted.factor / TICKS {
            let (host, _) = machines.of(questions)?;
            begin(&sender, false, question(host, token.clone()));
            questions += 1;
        }
        if tick % (60 * TICKS) == 0 {
            // It counts for five minutes only.
            token = machines.hosts[0].client_credentials().await?;
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
    let mut kinds = BTreeMap::<&str, u64>::new();
    for failure in &failures {
        *kinds.entry(failure).or_default() += 1;
    }
    for (kind, count) in kinds.iter().take(10) {
        println!("  {count} x {kind}");
    }
    if failures.is_empty() { Ok(()) } else { Err("the worst minute was not held".into()) }
}

async fn flow(host: Arc<Application>, mut browser: Browser) -> Result<(), Failure> {
    host.code_flow(&mut browser).await.map(drop)
}

async fn question(host: Arc<Application>, token: String) -> Result<(), Failure> {
    host.introspect(&token).await
}

fn begin(
    sender: &UnboundedSender<Done>,
    flow: bool,
    what: impl Future<Output = Result<(), Failure>> + Send + 'static,
) {
    let sender = sender.clone();
    #[expect(clippy::disallowed_methods, reason = "it ends with the bench")]
    tokio::task::spawn(async move {
        let began = Instant::now();
        let failure = what.await.err().map(|failure| whole(failure.as_ref()));
        // Whoever counts is there until the last one is done.
        let _counted = sender.send(Done { flow, wait: began.elapsed(), failure });
    });
}

/// An error with everything that led to it.
fn whole(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
