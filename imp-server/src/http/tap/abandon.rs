//! `POST /v1/taps/{tap}/abandonment` and `POST /v1/taps/abandonments`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::tap::AbandonTap;
use imp_identity::{TapId, WorkstationId};

use crate::app::{self, App};
use crate::command::{self, AbandonTapError, Abandoned, AbandonedTap};
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, Path, ProblemResponse, problem};

/// Reports that the workstation gave up a tap that it had opened.
#[utoipa::path(
    post, path = "/v1/taps/{tap}/abandonment", tag = "taps", operation_id = "abandon_opened_tap",
    request_body = AbandonTap, params(("tap" = Uuid, Path, description = "the tap")),
    security(("machine" = [])),
    responses(
        (status = 204, description = "recorded"),
        (status = 404, description = "no such tap here", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id, tap.id = %tap))]
pub(crate) async fn abandon_opened(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    Path(tap): Path<TapId>,
    Json(body): Json<AbandonTap>,
) -> Result<StatusCode, ProblemResponse> {
    record(&app, abandoned(workstation.id, AbandonedTap::Opened(tap), &body)).await
}

/// Reports that the workstation gave up before a tap was opened.
#[utoipa::path(
    post, path = "/v1/taps/abandonments", tag = "taps", operation_id = "abandon_tap",
    request_body = AbandonTap, security(("machine" = [])),
    responses(
        (status = 204, description = "recorded, or recorded before"),
        (status = 404, description = "the tap is not this workstation's", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id))]
pub(crate) async fn abandon(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    Json(body): Json<AbandonTap>,
) -> Result<StatusCode, ProblemResponse> {
    let tap = AbandonedTap::Unopened(body.tap);
    record(&app, abandoned(workstation.id, tap, &body)).await
}

fn abandoned(workstation: WorkstationId, tap: AbandonedTap, body: &AbandonTap) -> Abandoned {
    let &AbandonTap { phone, purpose, reason, .. } = body;
    Abandoned { workstation, tap, phone, purpose, reason }
}

async fn record(app: &App, abandoned: Abandoned) -> Result<StatusCode, ProblemResponse> {
    command::abandon_tap(&mut app.context(&mut app::rng()), abandoned).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<AbandonTapError> for ProblemResponse {
    fn from(error: AbandonTapError) -> Self {
        match &error {
            AbandonTapError::NotFound => problem::NOT_FOUND.because(&error),
            AbandonTapError::Storage(source) => problem::storage(&error, source),
        }
    }
}
