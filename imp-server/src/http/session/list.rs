//! `GET /v1/sessions`
use axum::extract::State;
use imp_api::session::Sessions;

use crate::app::App;
use crate::command;
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, ProblemResponse, answer, problem};

/// The sessions that count at this workstation, newest first.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "sessions", operation_id = "sessions",
    security(("machine" = [])),
    responses((status = 200, description = "the sessions", body = Sessions))
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id))]
pub(crate) async fn list(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
) -> Result<Json<Sessions>, ProblemResponse> {
    let found = command::sessions_of_workstation(&app.storage, workstation.id, app.now()).await;
    let found = found.map_err(problem::unread)?;
    let sessions = found.iter().map(|s| answer::session(&s.session, &s.user)).collect();
    Ok(Json(Sessions { sessions }))
}
