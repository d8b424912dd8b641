//! `POST /v1/enrolments/{enrolment}/reference`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::enrolment::{IssueReference, ReferenceIssued};
use imp_identity::EnrolmentId;

use crate::app::{self, App};
use crate::command::{self, IssueReferenceError};
use crate::http::caller::{Officer, WorkstationPeer};
use crate::http::{Json, Path, ProblemResponse, problem};

/// Signs a reference by its digest.
#[utoipa::path(
    post, path = "/v1/enrolments/{enrolment}/reference", tag = "enrolments",
    operation_id = "issue_reference", request_body = IssueReference,
    params(("enrolment" = Uuid, Path, description = "the enrolment")),
    security(("machine" = [], "person" = [])),
    responses(
        (status = 201, description = "signed", body = ReferenceIssued),
        (status = 404, description = "no such enrolment here", body = imp_api::Problem),
        (status = 409, description = "not now", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id, enrolment.id = %enrolment))]
pub(crate) async fn issue(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    officer: Officer,
    Path(enrolment): Path<EnrolmentId>,
    Json(IssueReference { digest, model_set }): Json<IssueReference>,
) -> Result<(StatusCode, Json<ReferenceIssued>), ProblemResponse> {
    let request = command::IssueReference {
        officer: officer.id(),
        workstation: workstation.id,
        enrolment,
        digest,
        model_set,
    };
    let issued = command::issue_reference(&mut app.context(&mut app::rng()), request).await?;
    let command::ReferenceIssued { reference, credential } = issued;
    let issued = ReferenceIssued { reference: reference.id, credential: credential.into() };
    Ok((StatusCode::CREATED, Json(issued)))
}

impl From<IssueReferenceError> for ProblemResponse {
    fn from(error: IssueReferenceError) -> Self {
        match &error {
            IssueReferenceError::NotFound => problem::NOT_FOUND.because(&error),
            IssueReferenceError::NotOfficer => problem::ROLE_INSUFFICIENT.because(&error),
            IssueReferenceError::UserDisabled => problem::USER_DISABLED.because(&error),
            IssueReferenceError::PhoneNotBound => problem::PHONE_NOT_BOUND.because(&error),
            IssueReferenceError::ModelSet => problem::MODEL_SET_REFUSED.because(&error),
            IssueReferenceError::Enrolment(_) => problem::ENROLMENT_STATE.because(&error),
            IssueReferenceError::Sign(_) => problem::internal(&error),
            IssueReferenceError::Storage(source) => problem::storage(&error, source),
        }
    }
}
