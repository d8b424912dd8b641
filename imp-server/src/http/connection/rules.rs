//! `/v1/connections/rules`, `/v1/connections/differences`
use axum::extract::State;
use imp_api::connection::{ConnectionPolicy, Difference, RuleChange, SetConnectionPolicy};
use imp_connection::{Diff, Policy};
use serde::Deserialize;

use super::{policy_answer, read_rules, rule};
use crate::app::{self, App};
use crate::command::connection::{connection_policy, set_connection_policy};
use crate::http::caller::{Administrator, PolicyReader};
use crate::http::{Json, ProblemResponse, Query, problem};
use crate::store::StoredPolicy;

/// Which version.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The version; the one in force unless said otherwise.
    version: Option<u32>,
}

/// Which two versions.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Between {
    /// The earlier version.
    from: u32,
    /// The later version; the one in force unless said otherwise.
    to: Option<u32>,
}

/// The rules of connections.
#[utoipa::path(
    get, path = "/v1/connections/rules", tag = "connections", operation_id = "connection_rules", params(Which),
    security(("person" = [])),
    responses(
        (status = 200, description = "the policy", body = ConnectionPolicy),
        (status = 404, description = "no such version", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn show(
    State(app): State<App>,
    _: PolicyReader,
    Query(Which { version }): Query<Which>,
) -> Result<Json<ConnectionPolicy>, ProblemResponse> {
    Ok(Json(policy_answer(&find(&app, version).await?)))
}

/// Puts other rules of connections in force; `version` is that of the ones that were edited.
#[utoipa::path(
    put, path = "/v1/connections/rules", tag = "connections", operation_id = "set_connection_rules",
    request_body = SetConnectionPolicy, security(("person" = [])),
    responses(
        (status = 200, description = "the policy in force now", body = ConnectionPolicy),
        (status = 409, description = "another version is in force", body = imp_api::Problem),
        (status = 422, description = "it cannot be put in force", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn set(
    State(app): State<App>,
    administrator: Administrator,
    Json(SetConnectionPolicy { version, rules }): Json<SetConnectionPolicy>,
) -> Result<Json<ConnectionPolicy>, ProblemResponse> {
    let rules = read_rules(rules)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let stored = set_connection_policy(context, administrator.actor(), version, rules).await?;
    app.connections.refresh(&app.storage).await.map_err(problem::unread)?;
    Ok(Json(policy_answer(&stored)))
}

/// What changed from one version to another.
#[utoipa::path(
    get, path = "/v1/connections/differences", tag = "connections", operation_id = "connection_differences",
    params(Between), security(("person" = [])),
    responses(
        (status = 200, description = "the difference", body = Difference),
        (status = 404, description = "no such version", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn diff(
    State(app): State<App>,
    _: PolicyReader,
    Query(Between { from, to }): Query<Between>,
) -> Result<Json<Difference>, ProblemResponse> {
    let (before, after) = (find(&app, Some(from)).await?, find(&app, to).await?);
    let diff = Diff::between(&before.policy, &after.policy);
    let changed = diff
        .changed
        .iter()
        .map(|change| RuleChange { before: rule(&change.before), after: rule(&change.after) });
    Ok(Json(Difference {
        from: before.policy.version(),
        to: after.policy.version(),
        added: diff.added.iter().map(rule).collect(),
        removed: diff.removed.iter().map(rule).collect(),
        changed: changed.collect(),
    }))
}

async fn find(app: &App, version: Option<u32>) -> Result<StoredPolicy, ProblemResponse> {
    if version == Some(0) {
        // Nobody stored what is in force before the first.
        return Ok(StoredPolicy { policy: Policy::empty(), changed: None });
    }
    let found = connection_policy(&app.storage, version).await.map_err(problem::unread)?;
    found.ok_or_else(|| problem::NOT_FOUND.says("There is no such version."))
}
