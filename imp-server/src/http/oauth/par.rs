//! `POST /oauth/par`
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use imp_oauth::authorize::validate;
use imp_oauth::par::{self, Pushed};
use imp_oauth::{Form, OAuthError};

use super::body::FormBody;
use super::client::{Asked, authenticate};
use super::proof::{self, About};
use super::refused::{self, Refused, failed};
use crate::app::{self, App};
use crate::store::Tables as _;

/// The largest request that is kept, in bytes.
const LARGEST: usize = 16 * 1024;

/// Takes a request for authorization before its browser comes (RFC 9126).
#[utoipa::path(
    post, path = "/oauth/par", tag = "oauth", operation_id = "push_authorization_request",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 201, description = "taken; the browser brings `request_uri`", body = serde_json::Value),
        (status = 400, description = "refused", body = serde_json::Value),
        (status = 401, description = "the application did not prove who it is", body = serde_json::Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn push(
    State(app): State<App>,
    parts: Parts,
    FormBody(form): FormBody,
) -> Response {
    match take(&app, &parts, &form).await {
        Ok(pushed) => refused::json(StatusCode::CREATED, &pushed),
        Err(refused) => refused.into_response(),
    }
}

async fn take(app: &App, parts: &Parts, form: &Form) -> Result<Pushed, Refused> {
    let asked = Asked::of(parts, app);
    let client = authenticate(app, &asked, form).await?;
    par::check(form)?;
    let request = validate(form, client.id, &client.metadata, app.oauth.issuer());
    let mut request = request.map_err(par::refusal)?;
    let about = About { method: "POST", path: "/oauth/par", access_token: None };
    if let Some(proof) = proof::read(app, &asked, &about).await? {
        // RFC 9449 §10.1: the proof announces the key as well as the parameter does.
        if request.dpop_jkt.is_some_and(|jkt| jkt != proof.jkt) {
            return Err(OAuthError::request("dpop_jkt is another key than the proof's").into());
        }
        request.dpop_jkt = Some(proof.jkt);
    }
    let text = serde_json::to_string(&request).map_err(|error| failed(&error, false))?;
    if text.len() > LARGEST {
        return Err(OAuthError::request("the request is too large").into());
    }
    let pushed = Pushed::generate(&mut app::rng());
    let expires_at = app.now() + par::LIFETIME;
    let mut transaction = app.storage.begin().await?;
    transaction.oauth().push(pushed.digest, client.id, &text, expires_at).await?;
    transaction.commit().await?;
    Ok(pushed)
}
