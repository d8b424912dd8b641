//! What the provider is: `/.well-known/openid-configuration`, `/.well-known/oauth-authorization-server`, `/oauth/jwks`
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use imp_oauth::discovery::{Document, Offered};

use super::refused::{self, Refused};
use crate::app::App;

/// Scopes that everybody may know of.
pub(super) const SCOPES: [&str; 6] =
    ["openid", "profile", "email", "groups", "roles", "offline_access"];

/// How long others may keep what this server says of itself; keys are shown for longer than that before they sign.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// What the provider can do (OpenID Connect Discovery 1.0 §4).
#[utoipa::path(
    get, path = "/.well-known/openid-configuration", tag = "oauth", operation_id = "openid_configuration",
    responses((status = 200, description = "the provider's metadata", body = serde_json::Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn openid(State(app): State<App>) -> Response {
    document(&app)
}

/// What the authorization server can do (RFC 8414 §3).
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "oauth",
    operation_id = "authorization_server_metadata",
    responses((status = 200, description = "the authorization server's metadata", body = serde_json::Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn oauth(State(app): State<App>) -> Response {
    document(&app)
}

/// The keys that sign tokens (RFC 7517): with the next one, and those that signed what still counts.
#[utoipa::path(
    get, path = "/oauth/jwks", tag = "oauth", operation_id = "oauth_jwks",
    responses((status = 200, description = "a JWK Set", body = serde_json::Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn jwks(State(app): State<App>) -> Response {
    match app.oauth.keys(&app.storage).await {
        Ok(keys) => kept(refused::json(StatusCode::OK, &keys.public(app.now()))),
        Err(error) => Refused::from(error).into_response(),
    }
}

fn document(app: &App) -> Response {
    let offered = Offered {
        registration: app.oauth.outside.registration.is_some(),
        scopes: SCOPES.map(str::to_owned).to_vec(),
        documentation: None,
    };
    kept(refused::json(StatusCode::OK, &Document::new(app.oauth.issuer(), offered)))
}

fn kept(mut response: Response) -> Response {
    if response.status().is_success() {
        response.headers_mut().insert(header::CACHE_CONTROL, KEPT);
        response.headers_mut().remove(header::PRAGMA);
    }
    response
}
