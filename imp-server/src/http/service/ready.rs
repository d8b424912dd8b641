//! `GET /readyz`
use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::http::{ProblemResponse, problem};

/// Whether the server can do its work: the database answers.
#[utoipa::path(
    get, path = "/readyz", tag = "service", operation_id = "ready",
    responses(
        (status = 204, description = "it can"),
        (status = 503, description = "the database does not answer", body = imp_api::Problem),
    )
)]
pub(crate) async fn ready(State(app): State<App>) -> Result<StatusCode, ProblemResponse> {
    match app.storage.check().await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
            Err(problem::BUSY.says("The database does not answer."))
        }
    }
}
