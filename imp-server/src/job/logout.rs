//! Tells applications that a user is signed out (OpenID Connect Back-Channel Logout 1.0 §2.5), as soon as she is.
use std::time::Duration;

use futures::{StreamExt as _, stream};
use imp_delivery::Endpoint;
use imp_events::ConsumeError;
use imp_oauth::tokens::{self, issue_logout};
use imp_service::Shutdown;
use imp_storage::StorageError;

use crate::app::{self, App};
use crate::command::{self, Told};
use crate::store::Logout;

/// How often it is looked whom to tell: within a second, a session is over everywhere.
const EACH: Duration = Duration::from_millis(400);
/// How many applications are told at the same time: one that is slow makes others wait no more than that.
const AT_ONCE: usize = 16;

/// Tells applications until `shutdown`.
pub(super) fn start(app: &App, shutdown: &Shutdown) {
    let (app, stop) = (app.clone(), shutdown.clone());
    shutdown.spawn(async move {
        loop {
            tokio::select! {
                () = stop.requested() => break,
                () = tokio::time::sleep(EACH) => {}
            }
            tokio::select! {
                () = stop.requested() => break,
                told = tell_all(&app) => if let Err(error) = told {
                    super::warn(&error, "cannot tell applications that users are signed out");
                },
            }
        }
    });
}

pub(crate) async fn tell_all(app: &App) -> Result<(), StorageError> {
    let due = command::due_logouts(&app.storage, app.now()).await?;
    let told = stream::iter(due).map(async |logout| {
        let result = tell(app, &logout).await;
        if let Err(error) = result {
            super::warn(&error, "cannot tell an application that a user is signed out");
        }
    });
    told.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    Ok(())
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
        Sent::Again => Ok(()),
    }
}

/// What became of one try.
enum Sent {
    Settled(Told),
    Again,
}

async fn send(app: &App, logout: &Logout) -> Result<Sent, StorageError> {
    let client = app.oauth.client(&app.storage, logout.client).await?;
    let Some(client) = client else { return Ok(Sent::Settled(Told::No)) };
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
        subject: app.oauth.subject(logout.user, &client.metadata),
        sign_on: Some(logout.sign_on),
        jti: logout.id.to_string(),
    };
    let Ok(token) = issue_logout(key, &about, now) else { return Ok(Sent::Again) };
    match app.oauth.outside.applications.log_out(&endpoint, &token, now).await {
        Ok(()) => Ok(Sent::Settled(Told::Yes)),
        Err(ConsumeError::Poison { why, .. }) => {
            tracing::warn!(client = %client.id, why, "an application refused a logout token");
            Ok(Sent::Settled(Told::No))
        }
        Err(ConsumeError::Retry { why, .. }) => {
            tracing::warn!(client = %client.id, why, "an application was not told of a logout yet");
            Ok(Sent::Again)
        }
    }
}
