//! `POST /v1/streams/{stream_id}/status`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::stream::SetStreamStatus;
use imp_identity::StreamId;

use crate::app::{self, App};
use crate::command::{self, Author};
use crate::http::caller::Administrator;
use crate::http::{Json, Path, ProblemResponse};

/// Pauses, enables or disables a stream.
#[utoipa::path(
    post, path = "/v1/streams/{stream_id}/status", tag = "streams", operation_id = "set_stream_status",
    params(("stream_id" = String, Path, description = "the stream")),
    request_body = SetStreamStatus, security(("person" = [])),
    responses(
        (status = 204, description = "so it is"),
        (status = 404, description = "there is none", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(stream.id = %id))]
pub(crate) async fn set(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<StreamId>,
    Json(SetStreamStatus { status, reason }): Json<SetStreamStatus>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let author = Author::administrator(administrator.actor());
    command::set_stream_status(context, &author, id, status, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
