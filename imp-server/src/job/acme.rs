//! Looks again at challenges that were not met, and forgets old orders.
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use imp_service::Shutdown;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::{self, App};
use crate::command::acme::{
    AcmeError, due_acme_challenges, purge_acme_orders, take_acme_challenge,
};
use crate::http::acme::challenge::looked;

/// How often it is looked which are due.
const EACH: Duration = Duration::from_secs(1);
/// How many are looked at at the same time.
const AT_ONCE: u32 = 64;
/// After so many ticks, old orders are forgotten.
const PURGE: u32 = 3600;

/// Looks until `shutdown`.
pub(super) fn start(app: &App, shutdown: &Shutdown) {
    let (app, stop) = (app.clone(), shutdown.clone());
    shutdown.spawn(async move {
        let mut tick = interval(EACH);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for count in 1_u32.. {
            tokio::select! {
                () = stop.requested() => break,
                _ = tick.tick() => {}
            }
            tokio::select! {
                () = stop.requested() => break,
                () = round(&app) => {}
            }
            if count % PURGE == 0
                && let Err(error) = purge_acme_orders(&mut app.context(&mut app::rng())).await
            {
                super::warn(&error, "cannot forget old orders over ACME");
            }
        }
    });
}

/// Looks at everything that is due. Each look takes bounded time.
pub(crate) async fn round(app: &App) {
    let due = match due_acme_challenges(&app.storage, app.now(), AT_ONCE).await {
        Ok(due) => due,
        Err(error) => return super::warn(&error, "cannot find out which challenges are due"),
    };
    let mut looks: FuturesUnordered<_> = due
        .iter()
        .map(|due| async move {
            let mut rng = app::rng();
            let taken = take_acme_challenge(&mut app.context(&mut rng), due).await?;
            match taken {
                Some(look) => looked(app, &look).await.map(drop),
                None => Ok::<(), AcmeError>(()),
            }
        })
        .collect();
    while let Some(looked) = looks.next().await {
        if let Err(error) = looked {
            super::warn(&error, "cannot look at a challenge");
        }
    }
}
