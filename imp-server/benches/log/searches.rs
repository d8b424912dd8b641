//! How long a page of answers takes, for each question that has an index.
use std::time::Instant;

use imp_events::{Kind, Question};
use imp_identity::event::Outcome;
use imp_server::App;
use imp_server::store::{Direction, Tables as _};
use jiff::SignedDuration;

use super::ward::Ward;
use super::{Failure, percentile};

/// Entries on a page.
const PAGE: u32 = 50;

/// How often each question is asked, each time about somebody or something else.
const TIMES: usize = 200;

/// Asks every question, newest answers first.
pub(super) async fn run(app: &App, ward: &mut Ward) -> Result<(), Failure> {
    let everything = Question::everything();
    say(app, "newest", || everything.clone()).await?;
    say(app, "person", || Question { person: Some(ward.person()), ..everything.clone() }).await?;
    say(app, "person, a day", || {
        let (from, until) = day(ward);
        Question { person: Some(ward.person()), from, until, ..everything.clone() }
    })
    .await?;
    say(app, "person, refused", || {
        let person = Some(ward.person());
        Question { person, outcome: Some(Outcome::Refused), ..everything.clone() }
    })
    .await?;
    say(app, "workstation", || Question {
        workstation: Some(ward.workstation()),
        ..everything.clone()
    })
    .await?;
    say(app, "device", || Question { device: Some(ward.phone().as_uuid()), ..everything.clone() })
        .await?;
    for kinds in [
        "tap-refused",
        "certificate-issued",
        "log-read",
        "user-disabled",
        "tap-accepted,session-revoked",
    ] {
        let kinds = Kind::list(kinds)?;
        say(
            app,
            &format!(
                "kind {}",
                kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            ),
            || Question { kinds: kinds.clone(), ..everything.clone() },
        )
        .await?;
    }
    say(app, "outcome abandoned", || Question {
        outcome: Some(Outcome::Abandoned),
        ..everything.clone()
    })
    .await?;
    say(app, "an hour", || {
        let (from, _) = day(ward);
        let until = from.map(|from| from + SignedDuration::from_hours(1));
        Question { from, until, ..everything.clone() }
    })
    .await
}

/// A day within what the log holds.
fn day(ward: &mut Ward) -> (Option<jiff::Timestamp>, Option<jiff::Timestamp>) {
    let from = ward.some_time();
    (Some(from), Some(from + SignedDuration::from_hours(24)))
}

async fn say(app: &App, name: &str, mut question: impl FnMut() -> Question) -> Result<(), Failure> {
    let (mut waits, mut found) = (vec![], 0);
    for _ in 0..TIMES {
        let (question, asked) = (question(), Instant::now());
        let mut transaction = app.storage.read().await?;
        let direction = Direction::Newest { before: None };
        found += transaction.search().page(&question, direction, PAGE).await?.entries.len();
        waits.push(asked.elapsed());
    }
    let (p50, p95) = (percentile(&mut waits, 50), percentile(&mut waits, 95));
    let answers = found / TIMES;
    println!("search: {name:<36} p50 {p50:>7.2} ms   p95 {p95:>7.2} ms   {answers} answers");
    Ok(())
}
