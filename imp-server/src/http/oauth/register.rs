//! `/oauth/register`: applications that register themselves (RFC 7591), where the configuration has a token for it; and the
//! little of RFC 7592 that lets them look at their registration and end it.
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use imp_delivery::Voucher;
use imp_identity::{Actor, ClientId, Digest};
use imp_oauth::bearer::{self, Scheme};
use imp_oauth::client::{Metadata, Registration, RegistrationPolicy};
use imp_oauth::opaque::Kind;
use imp_oauth::{ErrorCode, OAuthError, Scope};
use serde_json::{Value, json};

use super::discovery::SCOPES;
use super::refused::{self, Refused, failed};
use crate::app::{self, App};
use crate::command::{self, ChangeClientError, RegisterClientError, Registrar};
use crate::http::Path;
use crate::oauth::RegisteredClient;

/// Registers an application that shows the configured token.
#[utoipa::path(
    post, path = "/oauth/register", tag = "oauth", operation_id = "register_itself",
    request_body = Value,
    responses(
        (status = 201, description = "registered (RFC 7591 §3.2.1)", body = Value),
        (status = 400, description = "refused", body = Value),
        (status = 401, description = "the token is missing or wrong", body = Value),
        (status = 403, description = "applications do not register themselves here", body = Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn register(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    match take(&app, &headers, &body).await {
        Ok(document) => refused::json(StatusCode::CREATED, &document),
        Err(refused) => refused.into_response(),
    }
}

/// What is registered of an application that shows its registration token (RFC 7592 §2.1).
#[utoipa::path(
    get, path = "/oauth/register/{client_id}", tag = "oauth", operation_id = "own_registration",
    params(("client_id" = String, Path, description = "the application")),
    responses(
        (status = 200, description = "its registration", body = Value),
        (status = 401, description = "the token is missing or wrong", body = Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn read(
    State(app): State<App>,
    Path(id): Path<ClientId>,
    headers: HeaderMap,
) -> Response {
    let shown = match own(&app, id, &headers).await {
        Ok(client) => document(&app, &client, None, None),
        Err(refused) => Err(refused),
    };
    match shown {
        Ok(document) => refused::json(StatusCode::OK, &document),
        Err(refused) => refused.into_response(),
    }
}

/// Ends the registration of an application that shows its registration token (RFC 7592 §2.3).
#[utoipa::path(
    delete, path = "/oauth/register/{client_id}", tag = "oauth", operation_id = "end_own_registration",
    params(("client_id" = String, Path, description = "the application")),
    responses(
        (status = 204, description = "ended; what it was granted counts no longer"),
        (status = 401, description = "the token is missing or wrong", body = Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn remove(
    State(app): State<App>,
    Path(id): Path<ClientId>,
    headers: HeaderMap,
) -> Response {
    match end(&app, id, &headers).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn take(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refused> {
    let Some(expected) = app.oauth.outside.registration else {
        let text = "applications do not register themselves here: ask an administrator";
        return Err(OAuthError::new(ErrorCode::InsufficientScope, text).into());
    };
    let shown = Digest::of(&[token(headers)?.as_bytes()]);
    if verify_slices_are_equal(shown.as_bytes(), expected.as_bytes()).is_err() {
        return Err(unauthorized());
    }
    let metadata = Metadata::parse(body).map_err(OAuthError::from)?;
    let free: Scope = SCOPES.iter().copied().collect();
    let metadata = metadata.restrict(RegistrationPolicy::Token, &free)?;
    let sector = app.oauth.check_sector(&metadata, Voucher::Nobody).await;
    sector.map_err(|error| OAuthError::new(ErrorCode::InvalidClientMetadata, error.told()))?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let registered =
        command::register_client(context, &Actor::Server, metadata, Registrar::Itself).await;
    let registered = registered.map_err(|error| match error {
        RegisterClientError::Storage(error) => error.into(),
        RegisterClientError::Name | RegisterClientError::TooMany => {
            Refused::from(OAuthError::new(ErrorCode::InvalidClientMetadata, error.to_string()))
        }
    })?;
    app.oauth.expire();
    document(app, &registered.client, registered.secret, registered.registration)
}

fn document(
    app: &App,
    client: &RegisteredClient,
    secret: Option<imp_identity::Secret<String>>,
    token: Option<imp_identity::Secret<String>>,
) -> Result<Value, Refused> {
    let at = client.registered_at;
    let answer = Registration::new(client.id, secret, &client.metadata, at);
    let mut document = serde_json::to_value(&answer).map_err(|error| failed(&error, false))?;
    let uri = format!("{}/oauth/register/{}", app.oauth.issuer(), client.id);
    document["registration_client_uri"] = json!(uri);
    if let Some(token) = token {
        document["registration_access_token"] = json!(token.expose());
    }
    Ok(document)
}

async fn end(app: &App, id: ClientId, headers: &HeaderMap) -> Result<(), Refused> {
    own(app, id, headers).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let removed = command::remove_client(context, &Actor::Server, id).await;
    app.oauth.expire();
    removed.map_err(|error| match error {
        ChangeClientError::Storage(error) => error.into(),
        ChangeClientError::NotFound | ChangeClientError::Name | ChangeClientError::NoSecret => {
            unauthorized()
        }
    })
}

/// The application that the token registers. Whether there is one is not said.
async fn own(app: &App, id: ClientId, headers: &HeaderMap) -> Result<RegisteredClient, Refused> {
    let shown = Kind::Registration.digest_of(token(headers)?).ok_or_else(unauthorized)?;
    let client = command::find_client(&app.storage, id).await?;
    let client = client.filter(|client| client.registration == Some(shown));
    client.ok_or_else(unauthorized)
}

fn token(headers: &HeaderMap) -> Result<&str, Refused> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        header.and_then(|header| imp_oauth::client::authentication::credentials(header, "bearer"));
    token.ok_or_else(unauthorized)
}

fn unauthorized() -> Refused {
    let error = OAuthError::new(ErrorCode::InvalidToken, "the token is missing or wrong");
    let challenge = bearer::challenge(Scheme::Bearer, Some(&error));
    Refused::challenging(error, challenge)
}
