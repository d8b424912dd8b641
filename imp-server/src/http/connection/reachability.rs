//! `GET /v1/connections/reachability`
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::http::caller::PolicyReader;
use crate::http::{Json, ProblemResponse, problem};

/// The matrix as a graph, for whoever weighs risks: who can reach whom, as far as the policy goes.
#[utoipa::path(
    get, path = "/v1/connections/reachability", tag = "connections", operation_id = "connection_reachability",
    security(("person" = [])),
    responses((status = 200, description = "`imp-reachability/1`; see the handbook", body = Object))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn reachability(
    State(app): State<App>,
    _: PolicyReader,
) -> Result<Response, ProblemResponse> {
    let snapshot = app.connections.refresh(&app.storage).await.map_err(problem::unread)?;
    let graph = imp_connection::reachability(&snapshot.policy, &snapshot.inventory, app.now());
    Ok(Json(graph).into_response())
}
