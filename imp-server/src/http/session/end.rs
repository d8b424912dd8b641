//! `DELETE /v1/sessions/{session}`
use axum::extract::State;
use imp_api::tap::Session;
use imp_identity::SessionId;

use crate::app::{self, App};
use crate::command::{self, EndSessionError, UserSession};
use crate::http::caller::Administrator;
use crate::http::{Json, Path, ProblemResponse, answer, problem};

/// Ends anybody's session.
#[utoipa::path(
    delete, path = "/v1/sessions/{session}", tag = "sessions", operation_id = "end_session",
    params(("session" = Uuid, Path, description = "the session")), security(("person" = [])),
    responses(
        (status = 200, description = "ended", body = Session),
        (status = 404, description = "no such session", body = imp_api::Problem),
        (status = 409, description = "over already", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(session.id = %session))]
pub(crate) async fn end(
    State(app): State<App>,
    administrator: Administrator,
    Path(session): Path<SessionId>,
) -> Result<Json<Session>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let UserSession { session, user } =
        command::end_session(context, administrator.actor(), session).await?;
    Ok(Json(answer::session(&session, &user)))
}

impl From<EndSessionError> for ProblemResponse {
    fn from(error: EndSessionError) -> Self {
        match &error {
            EndSessionError::NotFound => problem::NOT_FOUND.because(&error),
            EndSessionError::Ended => problem::SESSION_ENDED.because(&error),
            EndSessionError::Storage(source) => problem::storage(&error, source),
        }
    }
}
