//! What a gateway does while nobody waits: looks for a later policy, tells the server what was refused, renews the certificate, says how it
//! stands.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use imp_api::Client;
use rand_core::UnwrapErr;
use tokio::time::Instant;

use super::config::Upkeep;
use super::shared::{Running, Shared};
use super::status::GatewayStatus;
use crate::machine::renewal::{Renewal, renew_if_due, wait_after};
use crate::machine::{Device, StoredDevice};

/// How often the gateway looks what is due.
const TICK: Duration = Duration::from_secs(1);
/// How often it says how it stands.
const STATUS: Duration = Duration::from_secs(10);
/// How often it looks whether its certificate was renewed by somebody else.
const CREDENTIALS: Duration = Duration::from_secs(10);

/// Asks for a later policy, and for later lists of revoked certificates; without the server, those that there are go on.
pub(super) async fn refresh_policy(shared: &Shared) {
    let device = shared.device();
    for list in shared.revocations.addresses() {
        refresh_list(shared, &list).await;
    }
    let Some(client) = client(shared, &device) else { return };
    match shared.enforcement.refresh(&client, &device.stored, shared.now()).await {
        Ok(()) => {}
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(error = %error, cause, "no later connection policy");
        }
    }
}

/// Asks for a later list of revoked certificates; without one, the list that there is goes on.
pub(super) async fn refresh_list(shared: &Shared, list: &str) {
    let authorities = shared.device().authorities();
    let refreshed = shared.revocations.refresh(list, &authorities, shared.now()).await;
    if let Err(error) = refreshed {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(list, error = %error, cause, "no later list of revoked certificates");
    }
}

/// Keeps everything up to date until the gateway stops.
pub(super) async fn keep_up(shared: Arc<Shared>, routes: Vec<Arc<Running>>, every: Upkeep) {
    let token = shared.shutdown.token();
    let seconds = |seconds: u16| Duration::from_secs(seconds.into());
    let now = Instant::now();
    let mut policy_due = now + seconds(every.policy_seconds);
    let mut report_due = now;
    let (mut status_due, mut credentials_due, mut renewal_due) = (now, now, now);
    let mut failures = 0;
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
            () = shared.news.notified() => {}
        }
        store(&shared).await;
        let round = async {
            let now = Instant::now();
            if shared.hurried.swap(false, Ordering::Relaxed) {
                (policy_due, report_due, credentials_due, status_due) = (now, now, now, now);
            }
            if policy_due <= now {
                refresh_policy(&shared).await;
                policy_due = Instant::now() + seconds(every.policy_seconds);
            }
            if report_due <= now {
                report(&shared).await;
                report_due = Instant::now() + seconds(every.report_seconds);
            }
            if credentials_due <= now {
                take_up_credentials(&shared).await;
                credentials_due = Instant::now() + CREDENTIALS;
            }
            if renewal_due <= now {
                failures = if renew(&shared).await { 0 } else { failures + 1 };
                let pause = wait_after(failures.max(1), &mut UnwrapErr(rand::rngs::SysRng));
                renewal_due = Instant::now() + pause.max(TICK);
            }
            if status_due <= now {
                say(&shared, &routes).await;
                status_due = Instant::now() + STATUS;
            }
        };
        if token.run_until_cancelled(round).await.is_none() {
            return;
        }
    }
}

/// How a gateway stands now.
pub(super) fn status(shared: &Shared, routes: &[Arc<Running>]) -> GatewayStatus {
    GatewayStatus {
        at: shared.now(),
        policy: shared.enforcement.standing(),
        unreported: shared.reports.len(),
        routes: routes.iter().map(|route| route.tally.status()).collect(),
    }
}

fn client(shared: &Shared, device: &Device) -> Option<Client> {
    let client = device.client(shared.clock.clone());
    client.inspect_err(|error| tracing::error!(error = %error, "the server cannot be asked")).ok()
}

/// Refusals are on the disk soon after they happened.
async fn store(shared: &Arc<Shared>) {
    let own = shared.clone();
    let stored = tokio::task::spawn_blocking(move || own.reports.store()).await;
    if let Ok(Err(error)) = stored {
        tracing::error!(error = %error, "what was refused cannot be written");
    }
}

async fn say(shared: &Arc<Shared>, routes: &[Arc<Running>]) {
    let (status, state) = (status(shared, routes), shared.state.clone());
    let said = tokio::task::spawn_blocking(move || status.write(&state)).await;
    if let Ok(Err(error)) = said {
        tracing::warn!(error = %error, "how the gateway stands cannot be written");
    }
}

async fn report(shared: &Shared) {
    let device = shared.device();
    let Some(client) = client(shared, &device) else { return };
    let rng = &mut UnwrapErr(rand::rngs::SysRng);
    if let Err(error) = shared.reports.send(&client, shared.now(), rng).await {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::debug!(error = %error, cause, "the server was not told everything");
    }
}

/// Takes up a certificate that `imp-client machine renew` put into the folder.
async fn take_up_credentials(shared: &Arc<Shared>) {
    let (own, device) = (shared.clone(), shared.device());
    let work = move || {
        let stored = StoredDevice::read(&own.state).ok()??;
        let is_other = stored.enrolled.certificate_chain
            != device.stored.enrolled.certificate_chain
            && stored.enrolled.expires_at > device.stored.enrolled.expires_at;
        let signer = device.identity.signer.clone();
        is_other.then(|| Device::new(stored, signer, own.clock.clone()))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Some(Ok(renewed))) => {
            tracing::info!(until = %renewed.stored.enrolled.expires_at, "another certificate is shown");
            shared.replace(renewed);
        }
        Ok(Some(Err(error))) => tracing::warn!(error = %error, "a new certificate cannot be used"),
        Ok(None) | Err(_) => {}
    }
}

/// Renews the certificate if that is due; `false` if it was due and was not renewed.
async fn renew(shared: &Shared) -> bool {
    let device = shared.device();
    match renew_if_due(&device, &shared.state, shared.clock.clone()).await {
        Ok(Renewal::Renewed(renewed)) => {
            tracing::info!(until = %renewed.stored.enrolled.expires_at, "the certificate was renewed");
            shared.replace(*renewed);
            true
        }
        Ok(Renewal::NotDue(_)) => true,
        Ok(Renewal::AwaitingApproval(approval)) => {
            tracing::warn!(?approval, "a second person has to approve the new certificate");
            false
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(error = %error, cause, "the certificate is due and was not renewed");
            false
        }
    }
}
