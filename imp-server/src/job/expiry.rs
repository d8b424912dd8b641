//! Says of devices that will soon stand without a certificate, and sees to it that this process knows the authorities.
use std::time::Duration;

use imp_service::Shutdown;
use tokio::time::{MissedTickBehavior, interval};

use super::warn;
use crate::app::{self, App};
use crate::command;

/// How often it is looked.
const PERIOD: Duration = Duration::from_mins(1);
/// The most batches at a look.
const BATCHES: u32 = 20;

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
            match app.keys.refresh() {
                Ok(false) => {}
                Ok(true) => {
                    tracing::info!("another authority issues certificates, or vouches for one");
                }
                Err(error) => warn(&error, "cannot read the certificate authorities"),
            }
            run(&app).await;
        }
    });
}

async fn run(app: &App) {
    for _ in 0..BATCHES {
        let mut rng = app::rng();
        match command::tell_of_expiry(&mut app.context(&mut rng)).await {
            Ok(told) if told.is_empty() => return,
            Ok(told) => {
                for expiring in told {
                    let (machine, at) = (expiring.spiffe_id, expiring.expires_at);
                    tracing::warn!(%machine, expires_at = %at, "a device's certificate expires soon and was not renewed");
                }
            }
            Err(error) => return warn(&error, "cannot tell of certificates that expire"),
        }
    }
}
