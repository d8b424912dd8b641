//! `POST /v1/taps`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::tap::{OpenTap, TapOpened};
use imp_identity::challenge::Audience;

use crate::app::{self, App};
use crate::command::{self, Occasion, OpenTapError};
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, ProblemResponse, problem};

/// Opens a tap: a challenge for one phone at this workstation.
#[utoipa::path(
    post, path = "/v1/taps", tag = "taps", operation_id = "open_tap", request_body = OpenTap,
    security(("machine" = [])),
    responses(
        (status = 201, description = "the challenge", body = TapOpened),
        (status = 403, description = "refused, or not a workstation", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id))]
pub(crate) async fn open(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    Json(OpenTap { phone, purpose, ahead }): Json<OpenTap>,
) -> Result<(StatusCode, Json<TapOpened>), ProblemResponse> {
    let audience = Audience { workstation: workstation.id, phone, purpose };
    let occasion = if ahead { Occasion::Ahead } else { Occasion::Press };
    let opened = command::open_tap(&mut app.context(&mut app::rng()), audience, occasion).await?;
    let command::TapOpened { tap, nonce, expires_at } = opened;
    let challenge = nonce.to_vec().into();
    Ok((StatusCode::CREATED, Json(TapOpened { tap, challenge, expires_at })))
}

impl From<OpenTapError> for ProblemResponse {
    fn from(error: OpenTapError) -> Self {
        match &error {
            OpenTapError::Refused(refusal) => problem::refused(*refusal),
            OpenTapError::Storage(source) => problem::storage(&error, source),
        }
    }
}
