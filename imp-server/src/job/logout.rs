//! Tells applications that a user is signed out, as soon as she is: by a logout token (OpenID Connect Back-Channel Logout 1.0
//! §2.5), or by SOAP those that speak SAML (saml-profiles-2.0-os §4.4).
use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use imp_delivery::Endpoint;
use imp_events::ConsumeError;
use imp_identity::ClientId;
use imp_oauth::tokens::{self, issue_logout};
use imp_service::Shutdown;
use imp_storage::StorageError;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::{self, App};
use crate::command::{self, Told};
use crate::oauth::RegisteredClient;
use crate::store::Logout;

mod soap;

/// How often it is looked whom to tell: within a second, a session is over everywhere.
const EACH: Duration = Duration::from_millis(400);
/// How many applications are told at the same time, …
const AT_ONCE: usize = 256;
/// … and of one application, how many logouts: one that does not answer makes no other wait.
const OF_ONE: usize = 2;

/// Tells applications until `shutdown`.
pub(super) fn start(app: &App, shutdown: &Shutdown) {
    let (mut telling, stop) = (Telling::new(app), shutdown.clone());
    shutdown.spawn(async move {
        let mut tick = interval(EACH);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.requested() => break,
                Some(client) = telling.under_way.next() => telling.release(client),
                _ = tick.tick() => if let Err(error) = telling.begin().await {
                    super::warn(&error, "cannot tell applications that users are signed out");
                },
            }
        }
    });
}

/// Applications that are being told.
pub(crate) struct Telling {
    app: App,
    under_way: FuturesUnordered<BoxFuture<'static, ClientId>>,
    busy: HashMap<ClientId, usize>,
}

impl Telling {
    pub(crate) fn new(app: &App) -> Self {
        Self { app: app.clone(), under_way: FuturesUnordered::new(), busy: HashMap::new() }
    }

    /// Begins with whatever is due and fits.
    async fn begin(&mut self) -> Result<(), StorageError> {
        if self.under_way.len() >= AT_ONCE {
            return Ok(());
        }
        for logout in command::due_logouts(&self.app.storage, self.app.now()).await? {
            let busy = self.busy.entry(logout.client).or_default();
            if *busy >= OF_ONE || self.under_way.len() >= AT_ONCE {
                continue;
            }
            *busy += 1;
            let app = self.app.clone();
            self.under_way.push(Box::pin(async move {
                if let Err(error) = tell(&app, &logout).await {
                    super::warn(&error, "cannot tell an application that a user is signed out");
                }
                logout.client
            }));
        }
        self.busy.retain(|_, count| *count > 0);
        Ok(())
    }

    fn release(&mut self, client: ClientId) {
        if let Some(count) = self.busy.get_mut(&client) {
            *count = count.saturating_sub(1);
        }
    }

    /// Begins, and waits for everything under way.
    #[cfg(test)]
    pub(crate) async fn round(&mut self) -> Result<(), StorageError> {
        self.begin().await?;
        while let Some(client) = self.under_way.next().await {
            self.release(client);
        }
        Ok(())
    }
}

async fn tell(app: &App, logout: &Logout) -> Result<(), StorageError> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    if !command::take_logout(context, logout).await? {
        return Ok(());
    }
    match send(app, logout).await? {
        Sent::Settled(told) => command::settle_logout(context, logout, told).await,
        Sent::Again if app.now() >= logout.give_up_at => {
            command::settle_logout(context, logout, Told::No).await
        }
        Sent::Again => command::spare_logouts(context, logout.client).await,
    }
}

/// What became of one try.
enum Sent {
    Settled(Told),
    Again,
}

async fn send(app: &App, logout: &Logout) -> Result<Sent, StorageError> {
    match app.oauth.client(&app.storage, logout.client).await? {
        Some(client) => by_token(app, logout, &client).await,
        None => soap::send(app, logout).await,
    }
}

async fn by_token(
    app: &App,
    logout: &Logout,
    client: &RegisteredClient,
) -> Result<Sent, StorageError> {
    let endpoint = client.metadata.backchannel_logout_uri.as_ref();
    let endpoint = endpoint.and_then(|uri| uri.parse::<Endpoint>().ok());
    let Some(endpoint) = endpoint else { return Ok(Sent::Settled(Told::No)) };
    let keys = app.oauth.keys(&app.storage).await?;
    let now = app.now();
    let Some(key) = keys.signing(client.metadata.id_token_algorithm, now) else {
        return Ok(Sent::Again);
    };
    let about = tokens::Logout {
        issuer: app.oauth.issuer().to_string(),
        client: client.id,
        subject: logout.known.subject.clone(),
        session: Some(logout.known.session.clone()),
        jti: logout.id.to_string(),
    };
    let Ok(token) = issue_logout(key, &about, now) else { return Ok(Sent::Again) };
    let to = (&endpoint, client.voucher());
    Ok(judge(client.id, app.oauth.outside.applications.log_out(to, &token, now).await))
}

fn judge(client: ClientId, told: Result<(), ConsumeError>) -> Sent {
    match told {
        Ok(()) => Sent::Settled(Told::Yes),
        Err(ConsumeError::Poison { why, .. }) => {
            tracing::warn!(%client, why, "an application refused to sign a user out");
            Sent::Settled(Told::No)
        }
        Err(ConsumeError::Retry { why, .. }) => {
            tracing::warn!(%client, why, "an application was not told of a logout yet");
            Sent::Again
        }
    }
}
