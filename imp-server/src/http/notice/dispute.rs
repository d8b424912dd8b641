//! `POST /v1/me/disputes`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::me::{Dispute, Disputed};
use imp_identity::Actor;

use crate::app::{self, App};
use crate::command;
use crate::http::caller::PhonePeer;
use crate::http::{Json, ProblemResponse};

/// Opens a case: a use of the face, phone or codes of the phone's owner was not she.
#[utoipa::path(
    post, path = "/v1/me/disputes", tag = "self", operation_id = "dispute_use", request_body = Dispute,
    security(("machine" = [])),
    responses(
        (status = 201, description = "a case is open", body = Disputed),
        (status = 200, description = "she said so before", body = Disputed),
        (status = 404, description = "no such use in her name", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(phone.id = %phone.id))]
pub(crate) async fn dispute(
    State(app): State<App>,
    PhonePeer(phone): PhonePeer,
    Json(Dispute { index, comment }): Json<Dispute>,
) -> Result<(StatusCode, Json<Disputed>), ProblemResponse> {
    let actor = Actor::Phone(phone.id);
    let dispute = command::Dispute { user: phone.user, actor, index, notice: None, comment };
    let disputed = command::dispute_use(&mut app.context(&mut app::rng()), dispute).await?;
    let status = if disputed.opened { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(super::answer(disputed))))
}
