//! `GET /v1/policy`
use axum::extract::State;
use imp_api::admin::PolicyDocument;

use crate::app::App;
use crate::command;
use crate::http::caller::PolicyReader;
use crate::http::{Json, ProblemResponse, problem};

/// The policy in force.
#[utoipa::path(
    get, path = "/v1/policy", tag = "policy", operation_id = "policy", security(("person" = [])),
    responses((status = 200, description = "the policy", body = PolicyDocument))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn show(
    State(app): State<App>,
    _: PolicyReader,
) -> Result<Json<PolicyDocument>, ProblemResponse> {
    let policy = command::current_policy(&app.storage).await.map_err(problem::unread)?;
    Ok(Json(PolicyDocument(policy)))
}
