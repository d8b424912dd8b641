//! `POST /v1/sessions/{session}/suspension`
use axum::extract::State;
use imp_api::session::SuspendSession;
use imp_api::tap::Session;
use imp_identity::SessionId;

use crate::app::{self, App};
use crate::command::{self, SuspendSessionError, UserSession};
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, Path, ProblemResponse, answer, problem};

/// Suspends a session whose desktop was locked.
#[utoipa::path(
    post, path = "/v1/sessions/{session}/suspension", tag = "sessions",
    operation_id = "suspend_session", request_body = SuspendSession,
    params(("session" = Uuid, Path, description = "the session")), security(("machine" = [])),
    responses(
        (status = 200, description = "suspended, now or before", body = Session),
        (status = 404, description = "no such session here", body = imp_api::Problem),
        (status = 409, description = "over already", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id, session.id = %session))]
pub(crate) async fn suspend(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    Path(session): Path<SessionId>,
    Json(SuspendSession {}): Json<SuspendSession>,
) -> Result<Json<Session>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let UserSession { session, user } =
        command::suspend_session(context, workstation.id, session).await?;
    Ok(Json(answer::session(&session, &user)))
}

impl From<SuspendSessionError> for ProblemResponse {
    fn from(error: SuspendSessionError) -> Self {
        match &error {
            SuspendSessionError::NotFound => problem::NOT_FOUND.because(&error),
            SuspendSessionError::Ended => problem::SESSION_ENDED.because(&error),
            SuspendSessionError::Storage(source) => problem::storage(&error, source),
        }
    }
}
