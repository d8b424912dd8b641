//! `DELETE /v1/streams/{stream_id}`
use axum::extract::State;
use axum::http::StatusCode;
use imp_identity::StreamId;

use crate::app::{self, App};
use crate::command::{self, Author};
use crate::http::caller::Administrator;
use crate::http::{Path, ProblemResponse};

/// Deletes a stream, its secrets and its place in the log.
#[utoipa::path(
    delete, path = "/v1/streams/{stream_id}", tag = "streams", operation_id = "delete_stream",
    params(("stream_id" = String, Path, description = "the stream")), security(("person" = [])),
    responses(
        (status = 204, description = "deleted"),
        (status = 404, description = "there is none", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(stream.id = %id))]
pub(crate) async fn delete(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<StreamId>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let author = Author::administrator(administrator.actor());
    command::delete_stream(context, &author, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
