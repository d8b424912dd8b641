//! `POST /v1/security-keys/challenge`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::security_key::{AskKey, KeyChallenge};

use crate::app::{self, App};
use crate::command::{self, AskKeyError, KeyAsked};
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, ProblemResponse, problem};

/// Asks the security key that somebody holds.
#[utoipa::path(
    post, path = "/v1/security-keys/challenge", tag = "taps", operation_id = "ask_key",
    request_body = AskKey, security(("machine" = [])),
    responses((status = 201, description = "what the key is asked", body = KeyChallenge))
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id))]
pub(crate) async fn ask(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    Json(AskKey { purpose }): Json<AskKey>,
) -> Result<(StatusCode, Json<KeyChallenge>), ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let asked = command::ask_key(context, &app.webauthn, workstation.id, purpose).await?;
    let KeyAsked { challenge, options, expires_at } = asked;
    let origin = app.issuer.to_string();
    Ok((StatusCode::CREATED, Json(KeyChallenge { challenge, origin, options, expires_at })))
}

impl From<AskKeyError> for ProblemResponse {
    fn from(error: AskKeyError) -> Self {
        match &error {
            AskKeyError::Begin(_) => problem::KEYS_UNAVAILABLE.because(&error),
            AskKeyError::Storage(source) => problem::storage(&error, source),
        }
    }
}
