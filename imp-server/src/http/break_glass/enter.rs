//! `POST /v1/break-glass`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::break_glass::BreakGlass;
use imp_api::tap::Session;

use crate::app::{self, App};
use crate::command::{self, BreakGlassError, BreakingGlass, UserSession};
use crate::http::admin::names;
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, ProblemResponse, answer, problem};

/// Opens a short session for somebody who has to work and cannot be authenticated.
#[utoipa::path(
    post, path = "/v1/break-glass", tag = "sessions", operation_id = "break_glass",
    request_body = BreakGlass, security(("machine" = [])),
    responses(
        (status = 201, description = "the session", body = Session),
        (status = 403, description = "refused, or a second person is needed", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id))]
pub(crate) async fn enter(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    Json(BreakGlass { username, reason }): Json<BreakGlass>,
) -> Result<(StatusCode, Json<Session>), ProblemResponse> {
    let breaking = BreakingGlass {
        workstation: workstation.id,
        username: names::field("username", &username)?,
        reason: names::field("reason", &reason)?,
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let UserSession { session, user } = command::break_glass(context, breaking).await?;
    Ok((StatusCode::CREATED, Json(answer::session(&session, &user))))
}

impl From<BreakGlassError> for ProblemResponse {
    fn from(error: BreakGlassError) -> Self {
        match &error {
            BreakGlassError::Refused => problem::BREAK_GLASS_REFUSED.because(&error),
            BreakGlassError::SecondPersonRequired => {
                problem::SECOND_PERSON_REQUIRED.because(&error)
            }
            BreakGlassError::Storage(source) => problem::storage(&error, source),
        }
    }
}
