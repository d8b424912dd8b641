//! `/ssf/status`
use axum::extract::State;
use imp_identity::StreamId;
use imp_identity::event::StreamStatus;
use imp_identity::name::Remark;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ReceiverPeer, Which};
use crate::app::{self, App};
use crate::command;
use crate::http::{Json, ProblemResponse, Query, problem};
use crate::stream::Stream;

/// Whether a stream delivers (SSF 1.0 §8.1.2).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = SsfStatus)]
#[expect(clippy::struct_field_names, reason = "SSF 1.0 names the members")]
pub(crate) struct Status {
    #[schema(value_type = String)]
    stream_id: StreamId,
    /// `enabled`, `paused` or `disabled`.
    #[schema(value_type = String)]
    status: StreamStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Remark>,
}

impl Status {
    fn of(stream: Stream) -> Self {
        Self { stream_id: stream.id, status: stream.status, reason: stream.reason }
    }
}

/// Says whether a stream delivers.
#[utoipa::path(
    get, path = "/ssf/status", tag = "ssf", operation_id = "ssf_stream_status", params(Which),
    security(("receiver" = [])), responses((status = 200, description = "the status", body = Status))
)]
#[tracing::instrument(skip_all, fields(receiver.id = %peer.0.id))]
pub(crate) async fn read(
    State(app): State<App>,
    peer: ReceiverPeer,
    Query(Which { stream_id }): Query<Which>,
) -> Result<Json<Status>, ProblemResponse> {
    let found = command::find_stream(&app.storage, stream_id).await.map_err(problem::unread)?;
    let found = found.filter(|found| found.stream.receiver == Some(peer.0.id));
    let found = found.ok_or_else(|| problem::NOT_FOUND.says("no such stream"))?;
    Ok(Json(Status::of(found.stream)))
}

/// Pauses, enables or disables a stream.
#[utoipa::path(
    post, path = "/ssf/status", tag = "ssf", operation_id = "set_ssf_stream_status",
    request_body = Status, security(("receiver" = [])),
    responses((status = 200, description = "the new status", body = Status))
)]
#[tracing::instrument(skip_all, fields(receiver.id = %peer.0.id))]
pub(crate) async fn set(
    State(app): State<App>,
    peer: ReceiverPeer,
    Json(Status { stream_id, status, reason }): Json<Status>,
) -> Result<Json<Status>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let author = peer.author();
    let stream = command::set_stream_status(context, &author, stream_id, status, reason).await?;
    Ok(Json(Status::of(stream)))
}
