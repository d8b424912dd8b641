//! `POST /v1/enrolments`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::enrolment::{EnrolmentOpened, OpenEnrolment};
use imp_authenticator::InvitationUri;
use imp_authenticator::invitation::InvitationPurpose;
use imp_identity::name::Username;

use crate::app::{self, App};
use crate::command::{self, OpenEnrolmentError};
use crate::http::caller::{Officer, WorkstationPeer};
use crate::http::{Json, ProblemResponse, problem};

/// Begins a supervised enrolment and invites the user's next phone.
#[utoipa::path(
    post, path = "/v1/enrolments", tag = "enrolments", operation_id = "open_enrolment",
    request_body = OpenEnrolment, security(("machine" = [], "person" = [])),
    responses(
        (status = 201, description = "begun", body = EnrolmentOpened),
        (status = 403, description = "not a workstation or officer", body = imp_api::Problem),
        (status = 404, description = "no such user", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id))]
pub(crate) async fn open(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    officer: Officer,
    Json(OpenEnrolment { username, notice }): Json<OpenEnrolment>,
) -> Result<(StatusCode, Json<EnrolmentOpened>), ProblemResponse> {
    let username: Username = username.parse().map_err(|_| OpenEnrolmentError::UserNotFound)?;
    let request = command::OpenEnrolment {
        officer: officer.id(),
        workstation: workstation.id,
        username,
        notice,
    };
    let opened = command::open_enrolment(&mut app.context(&mut app::rng()), request).await?;
    let command::EnrolmentOpened { enrolment, user, code } = opened;
    let invitation = InvitationUri {
        purpose: InvitationPurpose::Bind,
        server: app.url.to_string(),
        ca: app.keys.fingerprint(),
        code,
    };
    let opened = EnrolmentOpened {
        enrolment: enrolment.id,
        user: user.id,
        display_name: user.display_name.to_string(),
        phone: enrolment.phone,
        invitation: invitation.to_string(),
        expires_at: enrolment.expires_at,
    };
    Ok((StatusCode::CREATED, Json(opened)))
}

impl From<OpenEnrolmentError> for ProblemResponse {
    fn from(error: OpenEnrolmentError) -> Self {
        match &error {
            OpenEnrolmentError::NotOfficer => problem::ROLE_INSUFFICIENT.because(&error),
            OpenEnrolmentError::UserNotFound => problem::NOT_FOUND.because(&error),
            OpenEnrolmentError::UserDisabled => problem::USER_DISABLED.because(&error),
            OpenEnrolmentError::OwnEnrolment => problem::OWN_ENROLMENT.because(&error),
            OpenEnrolmentError::Notice => problem::NOTICE_INVALID.because(&error),
            OpenEnrolmentError::WorkstationRevoked => problem::MACHINE_REVOKED.because(&error),
            OpenEnrolmentError::Storage(source) => problem::storage(&error, source),
        }
    }
}
