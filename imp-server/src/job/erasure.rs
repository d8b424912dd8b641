//! Erasing what was approved, and what is past its retention: in small parts, so that nobody waits long for a turn to
//! write.
use std::time::Duration;

use imp_service::Shutdown;
use tokio::time::{MissedTickBehavior, interval};

use super::warn;
use crate::app::{self, App};
use crate::command;

/// How often it is looked for.
const PERIOD: Duration = Duration::from_mins(1);
/// The most parts in a period.
const PARTS: u32 = 50;

/// Starts the job; it ends with `shutdown`.
pub(super) fn start(app: &App, shutdown: &Shutdown) {
    let (app, stop) = (app.clone(), shutdown.clone());
    shutdown.spawn(async move {
        let mut tick = interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.tick().await;
        loop {
            tokio::select! {
                () = stop.requested() => break,
                _ = tick.tick() => {}
            }
            tokio::select! {
                () = stop.requested() => break,
                () = run(&app) => {}
            }
        }
    });
}

async fn run(app: &App) {
    let mut rng = app::rng();
    for _ in 0..PARTS {
        match command::continue_erasures(&mut app.context(&mut rng)).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return warn(&error, "cannot carry out an approved erasure"),
        }
    }
    for _ in 0..PARTS {
        match command::expire_records(&mut app.context(&mut rng)).await {
            Ok(0) => break,
            Ok(records) => tracing::info!(records, "erased records past their retention"),
            Err(error) => return warn(&error, "cannot erase records past their retention"),
        }
    }
}
