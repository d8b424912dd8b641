//! `GET /v1/log/erasures`
use axum::extract::State;
use imp_api::log::Erasures;
use imp_identity::ErasureId;
use serde::Deserialize;

use super::answer;
use crate::app::App;
use crate::command;
use crate::http::caller::ErasureParty;
use crate::http::{Json, ProblemResponse, Query, problem};

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// The request before which the page ends; the latest unless said otherwise.
    #[param(value_type = Option<Uuid>)]
    before: Option<ErasureId>,
    /// At most so many, 1 to 500; 100 unless said otherwise.
    limit: Option<u32>,
}

/// Lists requests to erase, latest first.
#[utoipa::path(
    get, path = "/v1/log/erasures", tag = "log", operation_id = "erasures", params(Page),
    security(("person" = [])),
    responses((status = 200, description = "a page", body = Erasures))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: ErasureParty,
    Query(Page { before, limit }): Query<Page>,
) -> Result<Json<Erasures>, ProblemResponse> {
    let page = command::list_erasures(&app.storage, before, limit.unwrap_or(100)).await;
    let erasures = page.map_err(problem::unread)?.iter().map(answer).collect();
    Ok(Json(Erasures { erasures }))
}
