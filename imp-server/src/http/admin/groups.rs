//! `GET /v1/groups`, `GET /v1/groups/{group}`, `GET /v1/units`
use axum::extract::State;
use imp_api::admin::{Group, GroupWithMembers, Groups, Unit, Units};
use imp_identity::GroupId;
use serde::Deserialize;

use crate::app::App;
use crate::command::scim;
use crate::http::caller::Person;
use crate::http::{Json, Path, ProblemResponse, Query, answer, problem};

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// The group after which the page begins.
    #[param(value_type = Option<Uuid>)]
    after: Option<GroupId>,
    /// At most so many, 1 to 500; 100 unless said otherwise.
    limit: Option<u32>,
}

/// Lists groups in the order in which they were created.
#[utoipa::path(
    get, path = "/v1/groups", tag = "people", operation_id = "groups", params(Page),
    security(("person" = [])),
    responses((status = 200, description = "a page", body = Groups))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Person,
    Query(Page { after, limit }): Query<Page>,
) -> Result<Json<Groups>, ProblemResponse> {
    let page = scim::groups_page(&app.storage, after, limit.unwrap_or(100)).await;
    let page = page.map_err(problem::unread)?;
    let groups: Vec<Group> =
        page.items.iter().map(|(stored, members)| answer::group(stored, *members)).collect();
    Ok(Json(Groups { groups, next: page.next }))
}

/// One group and who is in it.
#[utoipa::path(
    get, path = "/v1/groups/{group}", tag = "people", operation_id = "group",
    params(("group" = Uuid, Path, description = "the group")), security(("person" = [])),
    responses(
        (status = 200, description = "the group", body = GroupWithMembers),
        (status = 404, description = "no such group", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(group.id = %id))]
pub(crate) async fn show(
    State(app): State<App>,
    _: Person,
    Path(id): Path<GroupId>,
) -> Result<Json<GroupWithMembers>, ProblemResponse> {
    let found = scim::find_group(&app.storage, id).await.map_err(problem::unread)?;
    let found = found.ok_or_else(|| problem::NOT_FOUND.says("There is no such group."))?;
    Ok(Json(answer::group_members(&found)))
}

/// The units that people belong to.
#[utoipa::path(
    get, path = "/v1/units", tag = "people", operation_id = "units",
    security(("person" = [])),
    responses((status = 200, description = "the units", body = Units))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn units(
    State(app): State<App>,
    _: Person,
) -> Result<Json<Units>, ProblemResponse> {
    let units = scim::list_units(&app.storage).await.map_err(problem::unread)?;
    let unit = |it: scim::UnitSize| Unit { unit: it.unit.to_string(), users: it.users };
    Ok(Json(Units { units: units.into_iter().map(unit).collect() }))
}
