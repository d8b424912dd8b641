//! What the transmitter is: `GET /.well-known/ssf-configuration` and `GET /jwks.json`
use axum::extract::State;
use serde_json::{Value, json};

use super::body::{POLL, PUSH};
use crate::app::App;
use crate::http::Json;

/// Says what the transmitter can do (SSF 1.0 §7.1). Every subject is delivered: `default_subjects` is `ALL`, and there are
/// no endpoints to add or remove some.
#[utoipa::path(
    get, path = "/.well-known/ssf-configuration", tag = "ssf", operation_id = "ssf_configuration",
    responses((status = 200, description = "the transmitter's configuration", body = Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn configuration(State(app): State<App>) -> Json<Value> {
    let url = app.streams.issuer.url();
    Json(json!({
        "spec_version": "1_0",
        "issuer": url,
        "jwks_uri": format!("{url}/jwks.json"),
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": format!("{url}/ssf/streams"),
        "status_endpoint": format!("{url}/ssf/status"),
        "verification_endpoint": format!("{url}/ssf/verify"),
        "default_subjects": "ALL",
        "authorization_schemes": [{ "spec_urn": "urn:ietf:rfc:6750" }],
    }))
}

/// The key that signs security event tokens.
#[utoipa::path(
    get, path = "/jwks.json", tag = "ssf", operation_id = "jwks",
    responses((status = 200, description = "a JWK Set (RFC 7517)", body = Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn jwks(State(app): State<App>) -> Json<Value> {
    Json(app.streams.issuer.jwks())
}
