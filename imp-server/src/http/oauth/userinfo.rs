//! `GET` and `POST /oauth/userinfo`
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use imp_oauth::claims::select;
use imp_oauth::scope::OPENID;
use imp_oauth::{ErrorCode, Form, OAuthError, bearer};
use serde_json::{Map, Value, json};

use super::access_token::authenticate;
use super::issue;
use super::refused::{self, Refused};
use crate::app::App;

const PATH: &str = "/oauth/userinfo";

/// What an application may learn of the person in whose name it asks (OpenID Connect Core §5.3).
#[utoipa::path(
    get, path = "/oauth/userinfo", tag = "oauth", operation_id = "userinfo",
    responses(
        (status = 200, description = "claims", body = serde_json::Value),
        (status = 401, description = "the access token does not count", body = serde_json::Value),
        (status = 403, description = "the access token lacks the scope `openid`", body = serde_json::Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn userinfo(State(app): State<App>, parts: Parts) -> Response {
    respond(&app, &parts, None).await
}

/// The same for applications that post.
#[utoipa::path(
    post, path = "/oauth/userinfo", tag = "oauth", operation_id = "userinfo_by_form",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "claims", body = serde_json::Value),
        (status = 401, description = "the access token does not count", body = serde_json::Value),
        (status = 403, description = "the access token lacks the scope `openid`", body = serde_json::Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn userinfo_by_form(
    State(app): State<App>,
    parts: Parts,
    body: axum::body::Bytes,
) -> Response {
    // Only a form can hold a token (RFC 6750 §2.2); whatever else is there does not matter.
    let form = super::body::is_form(&parts.headers).then(|| Form::parse(&body));
    match form.transpose() {
        Ok(form) => respond(&app, &parts, form.as_ref()).await,
        Err(error) => Refused::from(OAuthError::from(error)).into_response(),
    }
}

async fn respond(app: &App, parts: &Parts, body: Option<&Form>) -> Response {
    match claims(app, parts, body).await {
        Ok(claims) => {
            let mut response = refused::json(StatusCode::OK, &claims);
            let nonce = HeaderValue::try_from(app.oauth.nonces().nonce(app.now()));
            if parts.headers.contains_key("dpop")
                && let Ok(nonce) = nonce
            {
                response.headers_mut().insert(HeaderName::from_static("dpop-nonce"), nonce);
            }
            response
        }
        Err(refused) => refused.into_response(),
    }
}

async fn claims(
    app: &App,
    parts: &Parts,
    body: Option<&Form>,
) -> Result<Map<String, Value>, Refused> {
    let counting = authenticate(app, parts, body, PATH).await?;
    let lacking = || {
        let error = OAuthError::new(ErrorCode::InsufficientScope, "the scope openid is needed");
        let challenge = bearer::challenge(bearer::Scheme::Bearer, Some(&error));
        Refused::challenging(error, challenge)
    };
    let (grant, user) = counting.granted.ok_or_else(lacking)?;
    let scope = counting.claims.scope;
    if !scope.contains(OPENID) {
        return Err(lacking());
    }
    let client = app.oauth.client(&app.storage, grant.client).await?;
    let client = client.ok_or_else(lacking)?;
    let person = issue::person(&mut app.storage.read().await?, &user).await?;
    let wanted = &grant.wishes.claims.userinfo;
    let mut claims = select(&person, &scope, wanted, &client.metadata.scope);
    claims.insert("sub".to_owned(), json!(app.oauth.subject(user.id, &client.metadata)));
    Ok(claims)
}
