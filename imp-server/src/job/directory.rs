//! Taking people over from the configured directory, on its schedule.
use std::time::Duration;

use imp_identity::Actor;
use imp_service::Shutdown;
use tokio::time::{MissedTickBehavior, interval};

use super::warn;
use crate::app::App;
use crate::command;
use crate::directory;

/// Starts the job, if there is a directory and a schedule; it ends with `shutdown`.
pub(super) fn start(app: &App, shutdown: &Shutdown) {
    let Some(minutes) = app.config.directory.ldap.as_ref().map(|it| it.minutes) else { return };
    if minutes == 0 {
        return;
    }
    let (app, stop) = (app.clone(), shutdown.clone());
    shutdown.spawn(async move {
        let mut tick = interval(Duration::from_secs(u64::from(minutes) * 60));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once; the start is busy enough.
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
    match directory::import(app, &Actor::Server).await {
        Ok((prepared, imported)) => {
            let (skipped, conflicts) =
                (prepared.found.skipped.len(), prepared.plan.conflicts.len());
            let command::Imported { created, changed, disabled, refused } = imported;
            tracing::info!(
                created,
                changed,
                disabled,
                refused,
                skipped,
                conflicts,
                "took people over from the directory"
            );
        }
        Err(error) => warn(&error, "cannot take people over from the directory"),
    }
}
