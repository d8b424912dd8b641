//! `POST /ssf/verify`
use axum::extract::State;
use axum::http::StatusCode;
use imp_identity::StreamId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ReceiverPeer;
use crate::app::{self, App};
use crate::command;
use crate::http::{Json, ProblemResponse};

/// What is verified (SSF 1.0 §8.1.4.2).
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SsfVerification)]
pub(crate) struct Verification {
    #[schema(value_type = String)]
    stream_id: StreamId,
    /// Comes back in the verification event.
    state: Option<String>,
}

/// Has a verification event sent on the stream.
#[utoipa::path(
    post, path = "/ssf/verify", tag = "ssf", operation_id = "verify_ssf_stream",
    request_body = Verification, security(("receiver" = [])),
    responses(
        (status = 204, description = "it is on its way"),
        (status = 429, description = "asked for too often", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(receiver.id = %peer.0.id))]
pub(crate) async fn verify(
    State(app): State<App>,
    peer: ReceiverPeer,
    Json(Verification { stream_id, state }): Json<Verification>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::verify_stream(context, &peer.author(), stream_id, state).await?;
    app.streams.messages.notify_one();
    Ok(StatusCode::NO_CONTENT)
}
