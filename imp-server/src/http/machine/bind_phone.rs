//! `POST /v1/phones/binding`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::machine::{BindPhone, PhoneBound};
use imp_identity::Actor;
use imp_identity::invitation::InvitationError;
use imp_identity::phone::PhoneError;
use imp_identity::spiffe::Machine;

use super::credentials;
use crate::app::{self, App};
use crate::command::{self, BindPhoneError};
use crate::http::{Json, ProblemResponse, problem};

/// Binds a phone that shows its one-time code.
#[utoipa::path(
    post, path = "/v1/phones/binding", tag = "machines", operation_id = "bind_phone",
    request_body = BindPhone,
    responses(
        (status = 201, description = "bound", body = PhoneBound),
        (status = 403, description = "the code does not count", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn bind(
    State(app): State<App>,
    Json(BindPhone { code, certificate_request }): Json<BindPhone>,
) -> Result<(StatusCode, Json<PhoneBound>), ProblemResponse> {
    let key = credentials::requested_key(&certificate_request.0)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let command::PhoneBound { phone, binding, user } =
        command::bind_phone(context, &code, key.as_spki().to_vec()).await?;
    let machine = Machine::Phone(phone.id);
    let credentials = credentials::issue(&app, Actor::Phone(phone.id), machine, &key).await?;
    tracing::info!(phone.id = %phone.id, "phone bound");
    let bound = PhoneBound {
        phone: phone.id,
        user: user.id,
        display_name: user.display_name.to_string(),
        identifier_key: binding.identifier_key.to_vec().into(),
        credentials,
    };
    Ok((StatusCode::CREATED, Json(bound)))
}

impl From<BindPhoneError> for ProblemResponse {
    fn from(error: BindPhoneError) -> Self {
        match &error {
            BindPhoneError::PublicKey(_) => problem::CERTIFICATE_REQUEST_INVALID.because(&error),
            BindPhoneError::Refused(PhoneError::Invitation(InvitationError::Expired)) => {
                problem::CODE_EXPIRED.because(&error)
            }
            BindPhoneError::Refused(
                PhoneError::Invitation(InvitationError::Wrong) | PhoneError::AlreadyBound,
            ) => problem::CODE_INVALID.because(&error),
            BindPhoneError::Refused(PhoneError::Revoked) => {
                problem::MACHINE_REVOKED.because(&error)
            }
            BindPhoneError::UserDisabled => problem::USER_DISABLED.because(&error),
            BindPhoneError::Storage(source) => problem::storage(&error, source),
        }
    }
}
