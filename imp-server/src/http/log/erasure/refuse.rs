//! `POST /v1/log/erasures/{erasure}/refusal`
use axum::extract::State;
use imp_api::log::{Erasure, RefuseErasure};
use imp_identity::ErasureId;

use super::answer;
use crate::app::{self, App};
use crate::command;
use crate::http::caller::Reader;
use crate::http::{Json, Path, ProblemResponse};

/// Refuses a request to erase.
#[utoipa::path(
    post, path = "/v1/log/erasures/{erasure}/refusal", tag = "log", operation_id = "refuse_erasure",
    request_body = RefuseErasure,
    params(("erasure" = Uuid, Path, description = "the request")), security(("person" = [])),
    responses(
        (status = 200, description = "refused", body = Erasure),
        (status = 403, description = "not an auditor, or her own request", body = imp_api::Problem),
        (status = 404, description = "no such request", body = imp_api::Problem),
        (status = 409, description = "decided already", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(erasure.id = %id))]
pub(crate) async fn refuse(
    State(app): State<App>,
    auditor: Reader,
    Path(id): Path<ErasureId>,
    Json(RefuseErasure { reason }): Json<RefuseErasure>,
) -> Result<Json<Erasure>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let erasure = command::refuse_erasure(context, auditor.id(), id, reason).await?;
    Ok(Json(answer(&erasure)))
}
