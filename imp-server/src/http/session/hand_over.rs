//! `POST /v1/sign-ons/handover`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::session::{HandOver, HandedOver};

use crate::app::{self, App};
use crate::command::{self, HandOverError};
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, ProblemResponse, problem};

/// Makes a one-time code with which the browser on the desktop takes over the session.
#[utoipa::path(
    post, path = "/v1/sign-ons/handover", tag = "sessions", operation_id = "hand_over",
    request_body = HandOver, security(("machine" = [])),
    responses(
        (status = 201, description = "the code", body = HandedOver),
        (status = 403, description = "she has to step up first", body = imp_api::Problem),
        (status = 404, description = "no such interaction", body = imp_api::Problem),
        (status = 409, description = "nobody is signed in here", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id, interaction.id = %interaction))]
pub(crate) async fn hand_over(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    Json(HandOver { interaction, locked }): Json<HandOver>,
) -> Result<(StatusCode, Json<HandedOver>), ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let handed = command::hand_over(context, workstation.id, (interaction, locked)).await?;
    let command::HandedOver { code, expires_at } = handed;
    Ok((StatusCode::CREATED, Json(HandedOver { code, expires_at })))
}

impl From<HandOverError> for ProblemResponse {
    fn from(error: HandOverError) -> Self {
        match &error {
            HandOverError::NoSession => problem::NO_SESSION.because(&error),
            HandOverError::NoInteraction => problem::NOT_FOUND.because(&error),
            HandOverError::StepUpRequired { purpose, .. } => {
                let problem = problem::STEP_UP_REQUIRED.because(&error);
                problem.with_detail(purpose.code().to_owned())
            }
            HandOverError::Storage(source) => problem::storage(&error, source),
        }
    }
}
