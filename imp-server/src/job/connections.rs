//! The connection policy in memory follows the database: another process, or the command line, may change it.
use std::time::Duration;

use imp_service::Shutdown;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;

/// How often the log is asked whether something changed: one look into its index.
const EACH: Duration = Duration::from_secs(1);

/// Follows until `shutdown`.
pub(super) fn start(app: &App, shutdown: &Shutdown) {
    let (app, stop) = (app.clone(), shutdown.clone());
    shutdown.spawn(async move {
        let mut tick = interval(EACH);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.requested() => break,
                _ = tick.tick() => {}
            }
            if let Err(error) = app.connections.refresh(&app.storage).await {
                super::warn(&error, "cannot read the connection policy");
            }
        }
    });
}
