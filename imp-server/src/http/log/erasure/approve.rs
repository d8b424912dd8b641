//! `POST /v1/log/erasures/{erasure}/approval`
use axum::extract::State;
use imp_api::log::Erasure;
use imp_identity::ErasureId;

use super::answer;
use crate::app::{self, App};
use crate::command;
use crate::http::caller::Reader;
use crate::http::{Json, Path, ProblemResponse};

/// Approves, and begins to erase. What is left is done within minutes.
#[utoipa::path(
    post, path = "/v1/log/erasures/{erasure}/approval", tag = "log", operation_id = "approve_erasure",
    params(("erasure" = Uuid, Path, description = "the request")), security(("person" = [])),
    responses(
        (status = 200, description = "approved", body = Erasure),
        (status = 403, description = "not an auditor, or her own request", body = imp_api::Problem),
        (status = 404, description = "no such request", body = imp_api::Problem),
        (status = 409, description = "decided already", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(erasure.id = %id))]
pub(crate) async fn approve(
    State(app): State<App>,
    auditor: Reader,
    Path(id): Path<ErasureId>,
) -> Result<Json<Erasure>, ProblemResponse> {
    let mut rng = app::rng();
    let erasure = command::approve_erasure(&mut app.context(&mut rng), auditor.id(), id).await?;
    Ok(Json(answer(&erasure)))
}
