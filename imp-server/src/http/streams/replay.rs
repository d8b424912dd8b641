//! `POST /v1/streams/{stream_id}/replay`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::stream::ReplayStream;
use imp_identity::StreamId;

use crate::app::{self, App};
use crate::command;
use crate::http::caller::Administrator;
use crate::http::{Json, Path, ProblemResponse};

/// Delivers again everything from an index on.
#[utoipa::path(
    post, path = "/v1/streams/{stream_id}/replay", tag = "streams", operation_id = "replay_stream",
    params(("stream_id" = String, Path, description = "the stream")),
    request_body = ReplayStream, security(("person" = [])),
    responses(
        (status = 204, description = "it begins there"),
        (status = 422, description = "the log is not that long", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(stream.id = %id))]
pub(crate) async fn replay(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<StreamId>,
    Json(ReplayStream { from }): Json<ReplayStream>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::replay_stream(context, administrator.actor(), id, from).await?;
    Ok(StatusCode::NO_CONTENT)
}
