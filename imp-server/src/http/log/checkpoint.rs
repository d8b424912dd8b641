//! `GET /checkpoint`
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

use crate::app::App;
use crate::http::{ProblemResponse, problem};
use crate::log;

/// The log's size and root, signed: a note (C2SP tlog-checkpoint). It is of everything that has happened, and carries the
/// cosignatures of witnesses as soon as it has them.
#[utoipa::path(
    get, path = "/checkpoint", tag = "log", operation_id = "checkpoint",
    responses(
        (status = 200, description = "the checkpoint", body = String, content_type = "text/plain"),
        (status = 404, description = "there is no log yet", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn checkpoint(
    State(app): State<App>,
) -> Result<impl IntoResponse + use<>, ProblemResponse> {
    let key = app.keys.log_key().verifier_key();
    let found = log::checkpoint_with_cosignatures(&app.storage, key).await;
    let note = found.map_err(problem::unread)?;
    let note = note.ok_or_else(|| problem::NOT_FOUND.says("There is no log yet."))?;
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
    Ok((headers, note))
}
