//! `GET /v1/enrolments/{enrolment}`
use axum::extract::State;
use imp_api::enrolment::EnrolmentStatus;
use imp_identity::EnrolmentId;
use imp_identity::enrolment::State as EnrolmentState;

use crate::app::App;
use crate::command;
use crate::http::caller::{Officer, WorkstationPeer};
use crate::http::{Json, Path, ProblemResponse, problem};

/// How far an enrolment at this workstation has come.
#[utoipa::path(
    get, path = "/v1/enrolments/{enrolment}", tag = "enrolments", operation_id = "enrolment",
    params(("enrolment" = Uuid, Path, description = "the enrolment")),
    security(("machine" = [], "person" = [])),
    responses(
        (status = 200, description = "how far it has come", body = EnrolmentStatus),
        (status = 404, description = "none of this officer's here", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id, enrolment.id = %id))]
pub(crate) async fn status(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    officer: Officer,
    Path(id): Path<EnrolmentId>,
) -> Result<Json<EnrolmentStatus>, ProblemResponse> {
    let found = command::enrolment_status(&app.storage, id).await.map_err(problem::unread)?;
    let ours = |status: &command::EnrolmentStatus| {
        status.enrolment.workstation == workstation.id && status.enrolment.officer == officer.id()
    };
    let Some(command::EnrolmentStatus { enrolment, phone }) = found.filter(ours) else {
        return Err(problem::NOT_FOUND.says("There is no such enrolment of yours here."));
    };
    let identifier_key = phone.binding().map(|binding| binding.identifier_key.to_vec().into());
    Ok(Json(EnrolmentStatus {
        phone_bound: identifier_key.is_some(),
        identifier_key,
        completed: matches!(enrolment.state, EnrolmentState::Completed { .. }),
    }))
}
