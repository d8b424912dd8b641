//! `POST /v1/security-keys/challenge`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::security_key::{AskKey, KeyChallenge};
use imp_identity::Refusal;
use imp_identity::tap::Purpose;

use crate::app::{self, App};
use crate::command::{self, AskKeyError, KeyAsked};
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, ProblemResponse, problem};

/// Asks the security key that somebody holds.
#[utoipa::path(
    post, path = "/v1/security-keys/challenge", tag = "taps", operation_id = "ask_key",
    request_body = AskKey, security(("machine" = [])),
    responses(
        (status = 201, description = "what the key is asked", body = KeyChallenge),
        (status = 403, description = "a touch does not suffice; `detail` says why", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id))]
pub(crate) async fn ask(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    Json(AskKey { purpose, touch }): Json<AskKey>,
) -> Result<(StatusCode, Json<KeyChallenge>), ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let asked = match (touch, purpose) {
        (None, _) => command::ask_key(context, &app.webauthn, workstation.id, purpose).await?,
        (Some(session), Some(Purpose::Unlock) | None) => {
            command::ask_touch(context, &app.webauthn, (workstation.id, session)).await?
        }
        (Some(_), _) => return Err(AskKeyError::Insufficient.into()),
    };
    let KeyAsked { challenge, options, expires_at } = asked;
    let origin = app.issuer.to_string();
    Ok((StatusCode::CREATED, Json(KeyChallenge { challenge, origin, options, expires_at })))
}

impl From<AskKeyError> for ProblemResponse {
    fn from(error: AskKeyError) -> Self {
        match &error {
            AskKeyError::Insufficient => problem::KEY_REFUSED
                .because(&error)
                .with_detail(Refusal::OneFactorInsufficient.code().to_owned()),
            AskKeyError::Begin(_) => problem::KEYS_UNAVAILABLE.because(&error),
            AskKeyError::Storage(source) => problem::storage(&error, source),
        }
    }
}
