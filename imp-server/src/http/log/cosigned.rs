//! `GET /checkpoint/cosigned`
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

use crate::app::App;
use crate::http::{ProblemResponse, problem};
use crate::log;

/// The latest checkpoint that witnesses cosigned (C2SP tlog-cosignature): no newer than `/checkpoint`, and seen by others.
#[utoipa::path(
    get, path = "/checkpoint/cosigned", tag = "log", operation_id = "cosigned_checkpoint",
    responses(
        (status = 200, description = "the checkpoint", body = String, content_type = "text/plain"),
        (status = 404, description = "no witness has cosigned yet", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn cosigned(
    State(app): State<App>,
) -> Result<impl IntoResponse + use<>, ProblemResponse> {
    let found = log::cosigned_checkpoint(&app.storage).await.map_err(problem::unread)?;
    let note = found.ok_or_else(|| problem::NOT_FOUND.says("No witness has cosigned yet."))?;
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
    Ok((headers, note))
}
