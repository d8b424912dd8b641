//! `POST /v1/break-glass`
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
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
    parts: Parts,
    Json(BreakGlass { username, reason }): Json<BreakGlass>,
) -> Result<(StatusCode, Json<Session>), ProblemResponse> {
    let breaking = BreakingGlass {
        workstation: workstation.id,
        username: names::field("username", &username)?,
        reason: names::field("reason", &reason)?,
    };
    // Names can be tried here, by whoever stands at the workstation.
    let whose = workstation.id.to_string();
    if app.limits.may_try(&whose, &parts, app.now()).is_err() {
        let title = "Too many attempts at this workstation. Wait, and try again.";
        return Err(problem::TOO_SOON.says(title));
    }
    let mut rng = app::rng();
    let entered = command::break_glass(&mut app.context(&mut rng), breaking).await;
    if entered.is_err() {
        app.limits.failed(&whose, &parts, app.now());
    }
    let UserSession { session, user } = entered?;
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
