//! `GET /acme/directory`
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::app::App;
use crate::http::Json;

/// Where everything is (RFC 8555 §7.1.1).
#[utoipa::path(
    get, path = "/acme/directory", tag = "acme", operation_id = "acme_directory",
    responses((status = 200, description = "the addresses of the service", body = serde_json::Value))
)]
pub(crate) async fn directory(State(app): State<App>) -> Response {
    let url = |path: &str| app.acme.url(path);
    Json(json!({
        "newNonce": url("/new-nonce"),
        "newAccount": url("/new-account"),
        "newOrder": url("/new-order"),
        "revokeCert": url("/revoke-certificate"),
        "keyChange": url("/key-change"),
        "renewalInfo": url("/renewal-info"),
        "meta": { "externalAccountRequired": app.config.acme.binding_required },
    }))
    .into_response()
}
