//! `PUT /v1/policy`
use axum::extract::State;
use imp_api::admin::PolicyDocument;

use crate::app::{self, App};
use crate::command::{self, SetPolicyError};
use crate::http::caller::Administrator;
use crate::http::{Json, ProblemResponse, problem};

/// Puts another policy in force; `version` is that of the one that was edited.
#[utoipa::path(
    put, path = "/v1/policy", tag = "policy", operation_id = "set_policy",
    request_body = PolicyDocument, security(("person" = [])),
    responses(
        (status = 200, description = "the policy in force now", body = PolicyDocument),
        (status = 409, description = "another version is in force", body = imp_api::Problem),
        (status = 422, description = "it cannot be put in force", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn set(
    State(app): State<App>,
    administrator: Administrator,
    Json(PolicyDocument(policy)): Json<PolicyDocument>,
) -> Result<Json<PolicyDocument>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let policy = command::set_policy(context, administrator.actor(), policy).await?;
    Ok(Json(PolicyDocument(policy)))
}

impl From<SetPolicyError> for ProblemResponse {
    fn from(error: SetPolicyError) -> Self {
        match &error {
            SetPolicyError::Invalid(_) => problem::POLICY_INVALID.because(&error),
            SetPolicyError::Conflict { .. } => problem::POLICY_CONFLICT.because(&error),
            SetPolicyError::Storage(source) => problem::storage(&error, source),
        }
    }
}
