//! `POST /oauth/revoke`
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use imp_identity::grant::GrantEnd;
use imp_identity::{Actor, ClientId};
use imp_oauth::Form;
use imp_oauth::introspect::TokenQuestion;
use imp_oauth::opaque::Kind;
use imp_oauth::revoke::may_revoke;
use jiff::Timestamp;

use super::access_token::{counting, name};
use super::body::FormBody;
use super::client::{Asked, authenticate};
use super::refused::Refused;
use crate::app::{self, App};
use crate::command;
use crate::store::Tables as _;

/// Takes a token back (RFC 7009): with a refresh token everything that was granted with it, an access token alone. Of what
/// is unknown, or another application's, nothing is said.
#[utoipa::path(
    post, path = "/oauth/revoke", tag = "oauth", operation_id = "revoke_token",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "it does not count (any more)"),
        (status = 401, description = "the application did not prove who it is", body = serde_json::Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn revoke(
    State(app): State<App>,
    parts: Parts,
    FormBody(form): FormBody,
) -> Response {
    match answer(&app, &parts, &form).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn answer(app: &App, parts: &Parts, form: &Form) -> Result<(), Refused> {
    let client = authenticate(app, &Asked::of(parts, app), form).await?.id;
    let question = TokenQuestion::parse(form)?;
    let token = question.token.expose();
    match Kind::Refresh.digest_of(token) {
        Some(digest) => refresh(app, client, digest).await,
        None => access(app, client, token).await,
    }
}

async fn refresh(app: &App, client: ClientId, digest: imp_identity::Digest) -> Result<(), Refused> {
    let mut transaction = app.storage.begin().await?;
    let Some(token) = transaction.grants().find_refresh(digest).await? else { return Ok(()) };
    let grant = transaction.grants().find(token.grant).await?;
    let Some(grant) = grant.filter(|grant| may_revoke(client, grant.client)) else {
        return Ok(());
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let (actor, reason) = (Actor::Server, GrantEnd::Client);
    command::end_grant(context, &mut transaction, &actor, &grant, reason).await?;
    Ok(transaction.commit().await?)
}

async fn access(app: &App, client: ClientId, token: &str) -> Result<(), Refused> {
    let Some(counting) = counting(app, token).await? else { return Ok(()) };
    if !may_revoke(client, counting.claims.client_id) {
        return Ok(());
    }
    let expires_at = Timestamp::from_second(counting.claims.exp).unwrap_or(Timestamp::MAX);
    let mut transaction = app.storage.begin().await?;
    transaction.oauth().revoke_token(name(&counting.claims), expires_at).await?;
    Ok(transaction.commit().await?)
}
