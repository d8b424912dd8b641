//! A kill -9 of the server, or of its database, at any moment while events are appended: what was acknowledged is in the log,
//! once, in one order without gaps, and every checkpoint that was ever seen still holds.
mod ledger;

use std::process::{Command, Stdio};
use std::time::Duration;

use imp_storage::testing::{OwnPostgres, postgres};
use imp_tests::process::{self, Running};
use ledger::Ledger;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// How often the server is killed, on each database.
const KILLS: u64 = 200;

/// Rounds between two looks into the database. In between, the next server finds what the killed one left.
const ROUNDS: u64 = 5;

/// A server that appends.
fn appender(ledger: &Ledger, seed: u64) -> Running {
    let mut command = Command::new(process::binary("imp-appender"));
    command.arg(ledger.folder()).arg(ledger.url()).arg(seed.to_string()).stdin(Stdio::null());
    Running::start("imp-appender", &mut command).expect("it starts")
}

/// Waits for the first acknowledgement, and a random moment more; or only for a random moment, in which it may be starting.
fn wait(running: &Running, rng: &mut StdRng) {
    if rng.random_bool(0.8) {
        running.line(|line| line.starts_with("created").then_some(())).expect("it appends");
        std::thread::sleep(Duration::from_micros(rng.random_range(0..40_000)));
    } else {
        std::thread::sleep(Duration::from_micros(rng.random_range(0..80_000)));
    }
}

async fn kill_again_and_again(mut ledger: Ledger) {
    let mut rng = StdRng::seed_from_u64(1);
    for kill in 0..KILLS {
        let mut running = appender(&ledger, kill);
        wait(&running, &mut rng);
        running.kill();
        ledger.acknowledged(&running.into_said());
        if kill % ROUNDS == ROUNDS - 1 {
            ledger.check().await;
        }
    }
    ledger.close().await;
}

#[tokio::test]
async fn a_server_killed_200_times_loses_and_doubles_nothing_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("imp.db").display());
    kill_again_and_again(Ledger::open(folder.path(), url).await).await;
}

#[tokio::test]
async fn a_server_killed_200_times_loses_and_doubles_nothing_on_postgresql() {
    let Some(url) = postgres().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    kill_again_and_again(Ledger::open(folder.path(), url).await).await;
}

/// Stops the database as a power failure would, and single processes of it with SIGKILL, under a server that goes on.
#[tokio::test]
async fn a_database_that_dies_under_the_server_loses_and_doubles_nothing() {
    let Some(database) = OwnPostgres::start().expect("PostgreSQL starts") else { return };
    let url = database.create_database().await.expect("a database");
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = Ledger::open(folder.path(), url).await;
    let mut rng = StdRng::seed_from_u64(2);
    for round in 0..6 {
        let mut running = appender(&ledger, round);
        let created = |line: &str| line.starts_with("created").then_some(());
        running.line(created).expect("it appends");
        std::thread::sleep(Duration::from_micros(rng.random_range(0..40_000)));
        if round % 2 == 0 {
            database.stop().expect("it stops");
            database.start_again().expect("it recovers");
        } else {
            database.kill_connections().expect("it runs");
        }
        // What was said before is read on; then it has found the database again.
        let before = running.said().len();
        let again = process::eventually(process::PATIENCE, || {
            (running.said().len() > before + 4000).then_some(())
        });
        again.expect("it appends again");
        running.kill();
        ledger.acknowledged(&running.into_said());
        ledger.check().await;
    }
    ledger.close().await;
}
