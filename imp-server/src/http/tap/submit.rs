//! `POST /v1/taps/{tap}/submission`
use axum::extract::State;
use imp_api::tap::{SubmitTap, TapAccepted};
use imp_identity::TapId;

use crate::app::{self, App};
use crate::command::{self, Submission, SubmitTapError};
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, Path, ProblemResponse, answer, problem};

/// Decides a tap from the phone's statement and the workstation's evidence.
#[utoipa::path(
    post, path = "/v1/taps/{tap}/submission", tag = "taps", operation_id = "submit_tap",
    request_body = SubmitTap, params(("tap" = Uuid, Path, description = "the tap")),
    security(("machine" = [])),
    responses(
        (status = 200, description = "accepted", body = TapAccepted),
        (status = 403, description = "refused, or not a workstation", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id, tap.id = %tap))]
pub(crate) async fn submit(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    Path(tap): Path<TapId>,
    Json(SubmitTap { statement, evidence }): Json<SubmitTap>,
) -> Result<Json<TapAccepted>, ProblemResponse> {
    let submission = Submission {
        workstation: workstation.id,
        tap,
        statement: &statement.0,
        evidence: &evidence.0,
    };
    let accepted = command::submit_tap(&mut app.context(&mut app::rng()), submission).await?;
    let command::TapAccepted { session, user, receipt } = accepted;
    let session = answer::session(&session, &user);
    Ok(Json(TapAccepted { session, receipt: receipt.into() }))
}

impl From<SubmitTapError> for ProblemResponse {
    fn from(error: SubmitTapError) -> Self {
        match &error {
            SubmitTapError::Refused(refusal) => problem::refused(*refusal),
            SubmitTapError::Sign(_) => problem::internal(&error),
            SubmitTapError::Storage(source) => problem::storage(&error, source),
        }
    }
}
