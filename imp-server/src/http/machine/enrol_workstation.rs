//! `POST /v1/workstations/enrolment`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::machine::{EnrolWorkstation, WorkstationEnrolled};
use imp_identity::Actor;
use imp_identity::invitation::InvitationError;
use imp_identity::spiffe::Machine;
use imp_identity::workstation::WorkstationError;

use super::credentials;
use crate::app::{self, App};
use crate::command::{self, EnrolWorkstationError};
use crate::http::{Json, ProblemResponse, problem};

/// Enrols a workstation that shows its one-time code.
#[utoipa::path(
    post, path = "/v1/workstations/enrolment", tag = "machines",
    operation_id = "enrol_workstation", request_body = EnrolWorkstation,
    responses(
        (status = 201, description = "enrolled", body = WorkstationEnrolled),
        (status = 403, description = "the code does not count", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn enrol(
    State(app): State<App>,
    Json(EnrolWorkstation { code, certificate_request }): Json<EnrolWorkstation>,
) -> Result<(StatusCode, Json<WorkstationEnrolled>), ProblemResponse> {
    let key = credentials::requested_key(&certificate_request.0)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let workstation = command::enrol_workstation(context, &code, key.as_spki().to_vec()).await?;
    let (id, name) = (workstation.id, workstation.name.to_string());
    let machine = Machine::Workstation(id);
    let credentials = credentials::issue(&app, Actor::Workstation(id), machine, &key).await?;
    tracing::info!(workstation.id = %id, "workstation enrolled");
    Ok((StatusCode::CREATED, Json(WorkstationEnrolled { workstation: id, name, credentials })))
}

impl From<EnrolWorkstationError> for ProblemResponse {
    fn from(error: EnrolWorkstationError) -> Self {
        match &error {
            EnrolWorkstationError::PublicKey(_) => {
                problem::CERTIFICATE_REQUEST_INVALID.because(&error)
            }
            EnrolWorkstationError::Refused(WorkstationError::Invitation(
                InvitationError::Expired,
            )) => problem::CODE_EXPIRED.because(&error),
            EnrolWorkstationError::Refused(
                WorkstationError::Invitation(InvitationError::Wrong)
                | WorkstationError::AlreadyEnrolled,
            ) => problem::CODE_INVALID.because(&error),
            EnrolWorkstationError::Refused(WorkstationError::Revoked) => {
                problem::MACHINE_REVOKED.because(&error)
            }
            EnrolWorkstationError::Storage(source) => problem::storage(&error, source),
        }
    }
}
