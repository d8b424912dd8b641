//! How long an inclusion proof and a fresh checkpoint take.
use std::time::Instant;

use imp_server::{App, log};
use rand::RngExt as _;

use super::installation::{append, rng};
use super::ward::Ward;
use super::{Failure, percentile};

/// Proofs of random entries, one at a time, each from the database.
pub(super) async fn inclusion(app: &App, events: u64) -> Result<(), Failure> {
    let key = app.keys.log_key().verifier_key();
    let (mut rng, mut waits) = (rng(1), vec![]);
    for _ in 0..5_000 {
        let index = rng.random_range(0..events);
        let asked = Instant::now();
        let found = log::inclusion(&app.storage, key, index, None).await?;
        waits.push(asked.elapsed());
        found.proof.root(index, found.size, found.leaf)?;
    }
    say("inclusion proof", &mut waits);
    Ok(())
}

/// From the return of a commit until a signed checkpoint that covers the event was read.
pub(super) async fn checkpoint(app: &App, ward: &mut Ward) -> Result<(), Failure> {
    let key = app.keys.log_key().verifier_key();
    let (mut rng, mut waits) = (rng(2), vec![]);
    for _ in 0..500 {
        let last =
            append(app, &mut rng, ward.take(1).collect()).await?.ok_or("nothing appended")?;
        let committed = Instant::now();
        let note = log::checkpoint(&app.storage, key).await?.ok_or("no checkpoint")?;
        waits.push(committed.elapsed());
        let checkpoint = imp_translog::open_checkpoint(&note, key)?;
        if checkpoint.size <= last {
            return Err("a checkpoint does not cover what was committed before".into());
        }
    }
    say("commit to checkpoint", &mut waits);
    Ok(())
}

fn say(what: &str, waits: &mut [std::time::Duration]) {
    let (p50, p99) = (percentile(waits, 50), percentile(waits, 99));
    println!("{what:<28} p50 {p50:>7.3} ms   p99 {p99:>7.3} ms");
}
