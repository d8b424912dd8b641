//! `POST /v1/enrolments/{enrolment}/confirmation`
use axum::extract::State;
use imp_api::enrolment::{ConfirmReference, EnrolmentCompleted};
use imp_identity::EnrolmentId;

use crate::app::{self, App};
use crate::command::{self, ConfirmReferenceError};
use crate::http::caller::{Officer, WorkstationPeer};
use crate::http::{Json, Path, ProblemResponse, problem};

/// Activates the reference that the phone confirms to hold.
#[utoipa::path(
    post, path = "/v1/enrolments/{enrolment}/confirmation", tag = "enrolments",
    operation_id = "confirm_reference", request_body = ConfirmReference,
    params(("enrolment" = Uuid, Path, description = "the enrolment")),
    security(("machine" = [], "person" = [])),
    responses(
        (status = 200, description = "complete", body = EnrolmentCompleted),
        (status = 404, description = "no such enrolment here", body = imp_api::Problem),
        (status = 409, description = "not now", body = imp_api::Problem),
        (status = 422, description = "the statement does not count", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id, enrolment.id = %enrolment))]
pub(crate) async fn confirm(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    officer: Officer,
    Path(enrolment): Path<EnrolmentId>,
    Json(ConfirmReference { statement }): Json<ConfirmReference>,
) -> Result<Json<EnrolmentCompleted>, ProblemResponse> {
    let request = command::ConfirmReference {
        officer: officer.id(),
        workstation: workstation.id,
        enrolment,
        statement: &statement.0,
    };
    let receipt = command::confirm_reference(&mut app.context(&mut app::rng()), request).await?;
    Ok(Json(EnrolmentCompleted { receipt: receipt.into() }))
}

impl From<ConfirmReferenceError> for ProblemResponse {
    fn from(error: ConfirmReferenceError) -> Self {
        match &error {
            ConfirmReferenceError::NotFound => problem::NOT_FOUND.because(&error),
            ConfirmReferenceError::NotOfficer => problem::ROLE_INSUFFICIENT.because(&error),
            ConfirmReferenceError::PhoneNotBound => problem::PHONE_NOT_BOUND.because(&error),
            ConfirmReferenceError::UserDisabled => problem::USER_DISABLED.because(&error),
            ConfirmReferenceError::Statement(source) => {
                problem::STATEMENT_INVALID.because(&error).with_detail(source.to_string())
            }
            ConfirmReferenceError::OtherReference | ConfirmReferenceError::Reference(_) => {
                problem::REFERENCE_STATE.because(&error)
            }
            ConfirmReferenceError::Enrolment(_) => problem::ENROLMENT_STATE.because(&error),
            ConfirmReferenceError::Sign(_) => problem::internal(&error),
            ConfirmReferenceError::Storage(source) => problem::storage(&error, source),
        }
    }
}
