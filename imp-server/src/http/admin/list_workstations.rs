//! `GET /v1/workstations`
use axum::extract::State;
use imp_api::admin::Workstations;
use imp_identity::WorkstationId;
use serde::Deserialize;

use crate::app::App;
use crate::command;
use crate::http::caller::Officer;
use crate::http::{Json, ProblemResponse, Query, answer, problem};

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// The workstation after which the page begins.
    #[param(value_type = Option<Uuid>)]
    after: Option<WorkstationId>,
    /// At most so many, 1 to 500; 100 unless said otherwise.
    limit: Option<u32>,
}

/// Lists workstations, oldest first.
#[utoipa::path(
    get, path = "/v1/workstations", tag = "machines", operation_id = "workstations", params(Page),
    security(("person" = [])),
    responses((status = 200, description = "a page", body = Workstations))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Officer,
    Query(Page { after, limit }): Query<Page>,
) -> Result<Json<Workstations>, ProblemResponse> {
    let page = command::list_workstations(&app.storage, after, limit.unwrap_or(100)).await;
    let page = page.map_err(problem::unread)?;
    let workstations = page.items.iter().map(answer::workstation).collect();
    Ok(Json(Workstations { workstations, next: page.next }))
}
