//! `POST /v1/workstations/{workstation}/revocation`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::admin::Revoke;
use imp_identity::WorkstationId;

use crate::app::{self, App};
use crate::command::{self, RevokeWorkstationError};
use crate::http::caller::Officer;
use crate::http::{Json, Path, ProblemResponse, problem};

/// Stops accepting a workstation and ends the sessions there.
#[utoipa::path(
    post, path = "/v1/workstations/{workstation}/revocation", tag = "machines",
    operation_id = "revoke_workstation", request_body = Revoke,
    params(("workstation" = Uuid, Path, description = "the workstation")),
    security(("person" = [])),
    responses(
        (status = 204, description = "revoked"),
        (status = 404, description = "no such workstation", body = imp_api::Problem),
        (status = 409, description = "revoked already", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %id))]
pub(crate) async fn revoke(
    State(app): State<App>,
    officer: Officer,
    Path(id): Path<WorkstationId>,
    Json(Revoke { reason }): Json<Revoke>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::revoke_workstation(context, officer.actor(), id, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<RevokeWorkstationError> for ProblemResponse {
    fn from(error: RevokeWorkstationError) -> Self {
        match &error {
            RevokeWorkstationError::NotFound => problem::NOT_FOUND.because(&error),
            RevokeWorkstationError::AlreadyRevoked => problem::REVOKED_ALREADY.because(&error),
            RevokeWorkstationError::Storage(source) => problem::storage(&error, source),
        }
    }
}
