//! `PUT /v1/workstations/{workstation}/place`
use axum::extract::State;
use imp_api::admin::{PlaceWorkstation, Workstation};
use imp_identity::WorkstationId;

use super::names;
use crate::app::{self, App};
use crate::command::{self, PlaceWorkstationError};
use crate::http::caller::Administrator;
use crate::http::{Json, Path, ProblemResponse, answer, problem};

/// Says where a workstation stands.
#[utoipa::path(
    put, path = "/v1/workstations/{workstation}/place", tag = "machines",
    operation_id = "place_workstation", request_body = PlaceWorkstation,
    params(("workstation" = Uuid, Path, description = "the workstation")),
    security(("person" = [])),
    responses(
        (status = 200, description = "the workstation", body = Workstation),
        (status = 404, description = "no such workstation", body = imp_api::Problem),
        (status = 409, description = "it was revoked", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %id))]
pub(crate) async fn place(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<WorkstationId>,
    Json(PlaceWorkstation { unit, site }): Json<PlaceWorkstation>,
) -> Result<Json<Workstation>, ProblemResponse> {
    let place = names::place(unit.as_deref(), site.as_deref())?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let placed = command::place_workstation(context, administrator.actor(), id, place).await?;
    Ok(Json(answer::workstation(&placed)))
}

impl From<PlaceWorkstationError> for ProblemResponse {
    fn from(error: PlaceWorkstationError) -> Self {
        match &error {
            PlaceWorkstationError::NotFound => problem::NOT_FOUND.because(&error),
            PlaceWorkstationError::Revoked => problem::REVOKED_ALREADY.because(&error),
            PlaceWorkstationError::Storage(source) => problem::storage(&error, source),
        }
    }
}
