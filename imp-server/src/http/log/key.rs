//! `GET /v1/log/key`
use axum::extract::State;
use imp_api::log::LogKey;

use crate::app::App;
use crate::http::Json;

/// The log's key. Whoever checks the log should get it from people as well, once, and remember it.
#[utoipa::path(
    get, path = "/v1/log/key", tag = "log", operation_id = "log_key",
    responses((status = 200, description = "the key", body = LogKey))
)]
pub(crate) async fn key(State(app): State<App>) -> Json<LogKey> {
    let key = app.keys.log_key().verifier_key();
    Json(LogKey { origin: key.name().to_owned(), key: key.to_string() })
}
