//! `GET /healthz`
use axum::http::StatusCode;

/// Whether the process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "service", operation_id = "health",
    responses((status = 204, description = "it does"))
)]
pub(crate) async fn healthy() -> StatusCode {
    StatusCode::NO_CONTENT
}
