//! `POST /oauth/introspect`
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use imp_identity::ClientId;
use imp_oauth::introspect::{ActiveToken, Introspection, TokenQuestion};
use imp_oauth::opaque::Kind;
use imp_oauth::{Audience, Form, OAuthError};
use imp_storage::StorageError;

use super::access_token::counting;
use super::body::FormBody;
use super::client::{Asked, authenticate};
use super::issue;
use super::refused::{self, Refused};
use crate::app::App;
use crate::command;
use crate::oauth::RegisteredClient;
use crate::store::Tables as _;

/// The scope of a resource server: it may ask about every token.
const SCOPE: &str = "introspect";
/// The scope with which an application learns the username.
const PROFILE: &str = "profile";

/// Says whether a token counts, and for what (RFC 7662). An application may ask about its own tokens, a resource server with
/// the scope `introspect` about every one.
#[utoipa::path(
    post, path = "/oauth/introspect", tag = "oauth", operation_id = "introspect",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "whether it counts (RFC 7662 §2.2)", body = serde_json::Value),
        (status = 401, description = "the application did not prove who it is", body = serde_json::Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn introspect(
    State(app): State<App>,
    parts: Parts,
    FormBody(form): FormBody,
) -> Response {
    match answer(&app, &parts, &form).await {
        Ok(introspection) => refused::json(StatusCode::OK, &introspection),
        Err(refused) => refused.into_response(),
    }
}

async fn answer(app: &App, parts: &Parts, form: &Form) -> Result<Introspection, Refused> {
    let client = authenticate(app, &Asked::of(parts, app), form).await?;
    if client.metadata.is_public() {
        return Err(OAuthError::client("a client that proves itself is needed").into());
    }
    let question = TokenQuestion::parse(form)?;
    let token = question.token.expose();
    let found = match Kind::Refresh.digest_of(token) {
        Some(digest) => refresh(app, digest).await?,
        None => access(app, token).await?,
    };
    let may = |owner: ClientId| owner == client.id || is_resource_server(&client);
    Ok(match found {
        Some(mut token) if may(token.client_id) => {
            // Else applications with pairwise subjects could compare usernames.
            if !token.scope.contains(PROFILE) && !is_resource_server(&client) {
                token.username = None;
            }
            Introspection::active(token)
        }
        Some(_) | None => Introspection::INACTIVE,
    })
}

fn is_resource_server(client: &RegisteredClient) -> bool {
    client.metadata.scope.contains(SCOPE)
}

async fn access(app: &App, token: &str) -> Result<Option<ActiveToken>, StorageError> {
    let Some(counting) = counting(app, token).await? else { return Ok(None) };
    let username = counting.granted.map(|(_, user)| user.username.to_string());
    Ok(Introspection::of(counting.claims, username).token)
}

async fn refresh(
    app: &App,
    digest: imp_identity::Digest,
) -> Result<Option<ActiveToken>, StorageError> {
    let now = app.now();
    let mut reading = app.storage.read().await?;
    let token = reading.grants().find_refresh(digest).await?;
    let Some(token) = token.filter(|token| token.used_at.is_none() && now < token.expires_at)
    else {
        return Ok(None);
    };
    let Some((grant, user)) = command::counting_grant(&mut reading, token.grant, now).await? else {
        return Ok(None);
    };
    drop(reading);
    let client = app.oauth.client(&app.storage, grant.client).await?;
    Ok(client.map(|client| ActiveToken {
        iss: app.oauth.issuer().to_string(),
        sub: app.oauth.subject(grant.user, &client.metadata),
        aud: Audience::from(app.oauth.issuer().to_string()),
        client_id: grant.client,
        exp: token.expires_at.as_second(),
        iat: token.issued_at.as_second(),
        jti: None,
        token_type: None,
        username: Some(user.username.to_string()),
        authentication: issue::authentication(&grant),
        cnf: token.confirmation.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        act: None,
        scope: grant.scope,
    }))
}
