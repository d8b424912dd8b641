//! `GET /tile/…`
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use imp_translog::TilePath;

use crate::app::App;
use crate::http::{Path, ProblemResponse, problem};
use crate::log;

/// Eight levels of the tree in one piece, or the entries below one (C2SP tlog-tiles): `0/x001/234`, `1/000.p/5`,
/// `entries/007`. An entry is the salted commitment of a record, 32 bytes. What was served once never changes.
#[utoipa::path(
    get, path = "/tile/{*path}", tag = "log", operation_id = "tile",
    params(("path" = String, Path, description = "level and index, or `entries` and index; then `.p/` and a width")),
    responses(
        (status = 200, description = "hashes, or entries after their lengths", body = [u8], content_type = "application/octet-stream"),
        (status = 404, description = "the log does not reach it", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn tile(
    State(app): State<App>,
    Path(path): Path<String>,
) -> Result<impl IntoResponse + use<>, ProblemResponse> {
    let missing = || problem::NOT_IN_LOG.says("The log has no such tile.");
    let path: TilePath = format!("tile/{path}").parse().map_err(|_| missing())?;
    let found = log::resource(&app.storage, path).await.map_err(problem::unread)?;
    let bytes = found.ok_or_else(missing)?;
    let cache = "public, max-age=31536000, immutable";
    Ok(([(CONTENT_TYPE, "application/octet-stream"), (CACHE_CONTROL, cache)], bytes))
}
