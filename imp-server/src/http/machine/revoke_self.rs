//! `POST /v1/phones/self/revocation`
use axum::extract::State;
use axum::http::StatusCode;
use imp_identity::Actor;
use imp_identity::phone::Revocation;

use crate::app::{self, App};
use crate::command;
use crate::http::ProblemResponse;
use crate::http::caller::PhonePeer;

/// Stops accepting a phone whose owner has erased everything on it.
#[utoipa::path(
    post, path = "/v1/phones/self/revocation", tag = "machines", operation_id = "revoke_self",
    security(("machine" = [])),
    responses(
        (status = 204, description = "the phone is nobody's"),
        (status = 403, description = "it was revoked before", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(phone.id = %phone.id))]
pub(crate) async fn revoke(
    State(app): State<App>,
    PhonePeer(phone): PhonePeer,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::revoke_phone(context, Actor::Phone(phone.id), phone.id, Revocation::Erased).await?;
    Ok(StatusCode::NO_CONTENT)
}
