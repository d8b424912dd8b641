//! `POST /v1/phones/{phone}/revocation`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::admin::Revoke;
use imp_identity::PhoneId;

use crate::app::{self, App};
use crate::command::{self, RevokePhoneError};
use crate::http::caller::Officer;
use crate::http::{Json, Path, ProblemResponse, problem};

/// Stops accepting a phone.
#[utoipa::path(
    post, path = "/v1/phones/{phone}/revocation", tag = "machines",
    operation_id = "revoke_phone", request_body = Revoke,
    params(("phone" = Uuid, Path, description = "the phone")), security(("person" = [])),
    responses(
        (status = 204, description = "revoked"),
        (status = 404, description = "no such phone", body = imp_api::Problem),
        (status = 409, description = "revoked already", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(phone.id = %id))]
pub(crate) async fn revoke(
    State(app): State<App>,
    officer: Officer,
    Path(id): Path<PhoneId>,
    Json(Revoke { reason }): Json<Revoke>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::revoke_phone(context, officer.actor(), id, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<RevokePhoneError> for ProblemResponse {
    fn from(error: RevokePhoneError) -> Self {
        match &error {
            RevokePhoneError::NotFound => problem::NOT_FOUND.because(&error),
            RevokePhoneError::AlreadyRevoked => problem::REVOKED_ALREADY.because(&error),
            RevokePhoneError::Storage(source) => problem::storage(&error, source),
        }
    }
}
