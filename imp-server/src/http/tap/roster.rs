//! `GET /v1/roster`
use axum::extract::State;
use imp_api::tap::SignedRoster;

use crate::app::{self, App};
use crate::command::{self, RosterError};
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, ProblemResponse, problem};

/// Who may tap at this workstation, signed.
#[utoipa::path(
    get, path = "/v1/roster", tag = "taps", operation_id = "roster", security(("machine" = [])),
    responses(
        (status = 200, description = "the roster", body = SignedRoster),
        (status = 403, description = "not a workstation", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id))]
pub(crate) async fn roster(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
) -> Result<Json<SignedRoster>, ProblemResponse> {
    let mut rng = app::rng();
    let roster = command::roster(&app.context(&mut rng), &app.roster, workstation.id).await?;
    Ok(Json(SignedRoster { roster: roster.to_vec().into() }))
}

impl From<RosterError> for ProblemResponse {
    fn from(error: RosterError) -> Self {
        match &error {
            RosterError::WorkstationRevoked => problem::MACHINE_REVOKED.because(&error),
            RosterError::Sign(_) => problem::internal(&error),
            RosterError::Storage(source) => problem::storage(&error, source),
        }
    }
}
