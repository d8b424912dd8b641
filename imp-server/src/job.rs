//! Background jobs: what expires is ended and forgotten, the listener's certificate is renewed, and consumers are shown the
//! log.
use std::error::Error;
use std::time::Duration;

use imp_service::Shutdown;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::{self, App};
use crate::command;

pub(crate) mod acme;
mod connections;
pub(crate) mod consumers;
mod directory;
mod erasure;
mod expiry;
pub(crate) mod logout;
mod models;
mod notices;
pub(crate) mod revocation;
mod rules;
mod streams;
mod witnesses;

/// How often sessions are looked at.
const EACH_MINUTE: Duration = Duration::from_mins(1);
/// Every so many minutes, what has expired is deleted.
const PURGE: u32 = 60;

/// Starts the jobs; they end with `shutdown`.
pub(crate) fn start(app: &App, shutdown: &Shutdown) {
    consumers::start(app, shutdown);
    streams::start(app, shutdown);
    erasure::start(app, shutdown);
    expiry::start(app, shutdown);
    witnesses::start(app, shutdown);
    logout::start(app, shutdown);
    directory::start(app, shutdown);
    revocation::start(app, shutdown);
    connections::start(app, shutdown);
    acme::start(app, shutdown);
    let (app, stop) = (app.clone(), shutdown.clone());
    let mut models = models::Models::of(&app.config.sign_on);
    shutdown.spawn(async move {
        let mut tick = interval(EACH_MINUTE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once; the start is busy enough.
        tick.tick().await;
        for minute in 1.. {
            tokio::select! {
                () = stop.requested() => break,
                _ = tick.tick() => {}
            }
            each_minute(&app).await;
            models.look(&app).await;
            if minute % PURGE == 0 {
                purge(&app).await;
            }
        }
    });
}

async fn each_minute(app: &App) {
    let mut rng = app::rng();
    match command::expire_sessions(&mut app.context(&mut rng)).await {
        Ok(0) => {}
        Ok(sessions) => tracing::info!(sessions, "sessions expired"),
        Err(error) => warn(&error, "cannot expire sessions"),
    }
    match command::keep_signing_keys(&mut app.context(&mut rng), &app.oauth).await {
        Ok(0) => {}
        Ok(keys) => tracing::info!(keys, "keys that sign tokens were changed"),
        Err(error) => warn(&error, "cannot change the keys that sign tokens"),
    }
    match command::expire_sign_ons(&mut app.context(&mut rng)).await {
        Ok(0) => {}
        Ok(sign_ons) => tracing::info!(sign_ons, "sign-ons of browsers expired"),
        Err(error) => warn(&error, "cannot expire sign-ons"),
    }
    if let Err(error) = command::forget_shown(&mut app.context(&mut rng)).await {
        warn(&error, "cannot forget what applications showed");
    }
    notices::tell(app).await;
    let context = &mut app.context(&mut rng);
    if let Err(error) = command::renew_listener(context, &app.keys, &app.clock).await {
        warn(&error, "cannot renew the listener's certificate");
    }
}

async fn purge(app: &App) {
    match command::purge_sign_ons(&mut app.context(&mut app::rng())).await {
        Ok(rows) => tracing::debug!(rows, "purged what browsers left behind"),
        Err(error) => warn(&error, "cannot purge what browsers left behind"),
    }
    match command::connection::purge_reports(&mut app.context(&mut app::rng())).await {
        Ok(rows) => tracing::debug!(rows, "purged what enforcement points reported long ago"),
        Err(error) => warn(&error, "cannot purge what enforcement points reported"),
    }
    match command::purge(&mut app.context(&mut app::rng())).await {
        Ok(command::Purged { challenges, codes, tokens, certificates }) => {
            tracing::debug!(challenges, codes, tokens, certificates, "purged what had expired");
        }
        Err(error) => warn(&error, "cannot purge what has expired"),
    }
}

fn warn(error: &(dyn Error + 'static), message: &str) {
    tracing::warn!(error, "{message}");
}
