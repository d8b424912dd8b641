//! Signs answers by OCSP before anybody asks, and lists before they are over.
use std::time::Duration;

use imp_service::Shutdown;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::warn;
use crate::app::App;
use crate::revocation::{AnswerError, Revision};
use crate::store::Tables as _;

/// How often it looks without having been woken by a commit.
const POLL: Duration = Duration::from_mins(1);

/// After a commit it waits so long for more.
const GATHER: Duration = Duration::from_millis(500);

/// How many certificates are read at a time.
const PAGE: u32 = 500;

/// Starts the job, if there is a listener that answers.
pub(super) fn start(app: &App, shutdown: &Shutdown) {
    if app.config.revocation.listen.is_none() {
        return;
    }
    let (app, stop) = (app.clone(), shutdown.clone());
    shutdown.spawn(async move {
        let mut commits = app.storage.commits();
        let mut prepared: Option<Revision> = None;
        // The first tick is at once.
        let mut tick = interval(POLL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            prepared = refresh(&app, prepared).await;
            tokio::select! {
                () = stop.requested() => break,
                _ = tick.tick() => prepared = None,
                woken = commits.next() => match woken {
                    Ok(()) => tokio::select! {
                        () = stop.requested() => break,
                        () = sleep(GATHER) => {}
                    },
                    Err(error) => {
                        warn(&error, "revocation is no longer watched");
                        break;
                    }
                },
            }
        }
    });
}

/// Prepares everything anew if the revision is another, or nothing is known of what was prepared.
async fn refresh(app: &App, prepared: Option<Revision>) -> Option<Revision> {
    let revision = match app.revocation.revision(&app.storage).await {
        Ok(revision) => revision,
        Err(error) => {
            warn(&error, "cannot see what was revoked");
            return None;
        }
    };
    if prepared.as_ref() == Some(&revision) {
        return prepared;
    }
    app.revocation.answers.prune(&revision, app.now());
    match prepare(app).await {
        Ok(0) => {}
        Ok(answers) => tracing::debug!(answers, "signed answers by OCSP"),
        Err(error) => {
            warn(&error, "cannot sign answers by OCSP");
            return None;
        }
    }
    lists(app).await;
    Some(revision)
}

/// Signs what is not kept yet, as long as there is room; how many.
pub(crate) async fn prepare(app: &App) -> Result<usize, AnswerError> {
    let mut signed = 0;
    for authority in app.keys.issuers() {
        let mut after = String::new();
        while app.revocation.answers.room() > 0 {
            // Before the page: what is revoked in between is of a later revision.
            let revision = app.revocation.revision(&app.storage).await?;
            let mut transaction = app.storage.read().await?;
            let (issuer, now) = (&authority.digest, app.now());
            let page = transaction.certificates().valid(issuer, now, &after, PAGE).await?;
            drop(transaction);
            signed += app.revocation.answers.prepare(app, &authority, (&revision, &page)).await?;
            let full = u32::try_from(page.len()).is_ok_and(|length| length >= PAGE);
            match page.into_iter().next_back().filter(|_| full) {
                Some(last) => after = last.serial,
                None => break,
            }
        }
    }
    Ok(signed)
}

async fn lists(app: &App) {
    for authority in app.keys.issuers() {
        let partitions = (0..app.keys.crl_partitions()).map(Some);
        for partition in std::iter::once(None).chain(partitions) {
            if let Err(error) = app.revocation.lists.find(app, &authority, partition).await {
                warn(&error, "cannot make a CRL");
            }
        }
    }
}
