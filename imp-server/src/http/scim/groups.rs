//! `/scim/v2/Groups` (RFC 7644 §3).
use axum::extract::{Path, State};
use axum::http::StatusCode;
use imp_identity::{Actor, GroupId};
use imp_scim::list::Query;
use imp_scim::patch::Patch;
use imp_scim::projection::Projection;
use imp_scim::{GROUP, ScimError, etag, resource};
use serde_json::Value;

use super::answer::{Answer, Refused};
use super::body::{Asked, Body, Conditions, Parsed};
use super::client::ScimClient;
use super::{RESULTS, rules};
use crate::app::{self, App};
use crate::command::scim::{self, Change, ProvisionError, Shown, Wish};

/// Finds groups.
#[utoipa::path(
    get, path = "/scim/v2/Groups", tag = "scim", operation_id = "scim_groups", params(Asked),
    security(("client" = [])),
    responses(
        (status = 200, description = "a page of groups", body = Value, content_type = "application/scim+json"),
        (status = 400, description = "not a query", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: ScimClient,
    Parsed(asked): Parsed,
) -> Result<Answer, Refused> {
    select(&app, &Query::read(&asked.into(), RESULTS)?).await
}

/// Finds groups by a query in the body.
#[utoipa::path(
    post, path = "/scim/v2/Groups/.search", tag = "scim", operation_id = "scim_search_groups",
    security(("client" = [])), request_body(content = Value, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "a page of groups", body = Value, content_type = "application/scim+json"),
        (status = 400, description = "not a query", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn search(
    State(app): State<App>,
    _: ScimClient,
    Body(body): Body,
) -> Result<Answer, Refused> {
    select(&app, &Query::read_search(&body, RESULTS)?).await
}

async fn select(app: &App, query: &Query) -> Result<Answer, Refused> {
    query.check(&GROUP)?;
    let listed = scim::select_groups(&app.storage, &rules(app), query).await?;
    Ok(Answer::list(listed, query.skip, &query.projection, &GROUP))
}

/// Creates a group.
#[utoipa::path(
    post, path = "/scim/v2/Groups", tag = "scim", operation_id = "scim_create_group", params(Asked),
    security(("client" = [])), request_body(content = Value, content_type = "application/scim+json"),
    responses(
        (status = 201, description = "created", body = Value, content_type = "application/scim+json"),
        (status = 400, description = "not a group", body = Value, content_type = "application/scim+json"),
        (status = 409, description = "the name is taken", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn create(
    State(app): State<App>,
    ScimClient(actor): ScimClient,
    Parsed(asked): Parsed,
    Body(body): Body,
) -> Result<Answer, Refused> {
    let projection = projection(&asked)?;
    let shown = create_group(&app, &actor, &body).await?;
    Ok(Answer::resource(StatusCode::CREATED, shown, &projection, &GROUP))
}

/// One group.
#[utoipa::path(
    get, path = "/scim/v2/Groups/{group}", tag = "scim", operation_id = "scim_group",
    params(("group" = String, Path, description = "the group"), Asked), security(("client" = [])),
    responses(
        (status = 200, description = "the group", body = Value, content_type = "application/scim+json"),
        (status = 304, description = "it has not changed"),
        (status = 404, description = "no such group", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all, fields(group.id = %id))]
pub(crate) async fn show(
    State(app): State<App>,
    _: ScimClient,
    Path(id): Path<String>,
    Parsed(asked): Parsed,
    conditions: Conditions,
) -> Result<Answer, Refused> {
    let projection = projection(&asked)?;
    let shown =
        scim::show_group(&app.storage, &rules(&app), parsed(&id)?, projection.shows("members"))
            .await?;
    if conditions.if_none_match.is_some_and(|it| etag::matches(&it, shown.version)) {
        let (status, version) = (StatusCode::NOT_MODIFIED, Some(shown.version));
        return Ok(Answer { status, body: None, version, location: None });
    }
    Ok(Answer::resource(StatusCode::OK, shown, &projection, &GROUP))
}

/// Replaces a group.
#[utoipa::path(
    put, path = "/scim/v2/Groups/{group}", tag = "scim", operation_id = "scim_replace_group",
    params(("group" = String, Path, description = "the group"), Asked), security(("client" = [])),
    request_body(content = Value, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "replaced", body = Value, content_type = "application/scim+json"),
        (status = 400, description = "not a group", body = Value, content_type = "application/scim+json"),
        (status = 404, description = "no such group", body = Value, content_type = "application/scim+json"),
        (status = 409, description = "the name is taken", body = Value, content_type = "application/scim+json"),
        (status = 412, description = "it has changed in the meantime", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all, fields(group.id = %id))]
pub(crate) async fn replace(
    State(app): State<App>,
    ScimClient(actor): ScimClient,
    Path(id): Path<String>,
    Parsed(asked): Parsed,
    conditions: Conditions,
    Body(body): Body,
) -> Result<Answer, Refused> {
    let projection = projection(&asked)?;
    let shown = replace_group(&app, &actor, &id, conditions.if_match, &body).await?;
    Ok(Answer::resource(StatusCode::OK, shown, &projection, &GROUP))
}

/// Changes a group.
#[utoipa::path(
    patch, path = "/scim/v2/Groups/{group}", tag = "scim", operation_id = "scim_patch_group",
    params(("group" = String, Path, description = "the group"), Asked), security(("client" = [])),
    request_body(content = Value, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "changed", body = Value, content_type = "application/scim+json"),
        (status = 400, description = "not a patch", body = Value, content_type = "application/scim+json"),
        (status = 404, description = "no such group", body = Value, content_type = "application/scim+json"),
        (status = 409, description = "the name is taken", body = Value, content_type = "application/scim+json"),
        (status = 412, description = "it has changed in the meantime", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all, fields(group.id = %id))]
pub(crate) async fn patch(
    State(app): State<App>,
    ScimClient(actor): ScimClient,
    Path(id): Path<String>,
    Parsed(asked): Parsed,
    conditions: Conditions,
    Body(body): Body,
) -> Result<Answer, Refused> {
    let projection = projection(&asked)?;
    let shown = patch_group(&app, &actor, &id, conditions.if_match, &body).await?;
    Ok(Answer::resource(StatusCode::OK, shown, &projection, &GROUP))
}

/// Removes a group.
#[utoipa::path(
    delete, path = "/scim/v2/Groups/{group}", tag = "scim", operation_id = "scim_remove_group",
    params(("group" = String, Path, description = "the group")), security(("client" = [])),
    responses(
        (status = 204, description = "removed"),
        (status = 404, description = "no such group", body = Value, content_type = "application/scim+json"),
        (status = 412, description = "it has changed in the meantime", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all, fields(group.id = %id))]
pub(crate) async fn remove(
    State(app): State<App>,
    ScimClient(actor): ScimClient,
    Path(id): Path<String>,
    conditions: Conditions,
) -> Result<Answer, Refused> {
    remove_group(&app, &actor, &id, conditions.if_match.as_deref()).await?;
    Ok(Answer::nothing())
}

fn projection(asked: &Asked) -> Result<Projection, ScimError> {
    Projection::read(asked.attributes.as_deref(), asked.excluded_attributes.as_deref())
}

/// What is no identifier names nothing.
fn parsed(id: &str) -> Result<GroupId, ScimError> {
    id.parse().map_err(|_| ScimError::not_found("such group"))
}

pub(super) async fn create_group(
    app: &App,
    actor: &Actor,
    body: &Value,
) -> Result<Shown, ProvisionError> {
    let wish = resource::read(body, &GROUP)?;
    let mut rng = app::rng();
    scim::create_group(&mut app.context(&mut rng), actor, &rules(app), &wish).await
}

pub(super) async fn replace_group(
    app: &App,
    actor: &Actor,
    id: &str,
    if_match: Option<String>,
    body: &Value,
) -> Result<Shown, ProvisionError> {
    let change = Change { if_match, to: Wish::Whole(resource::read(body, &GROUP)?) };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    scim::change_group(context, actor, &rules(app), parsed(id)?, &change).await
}

pub(super) async fn patch_group(
    app: &App,
    actor: &Actor,
    id: &str,
    if_match: Option<String>,
    body: &Value,
) -> Result<Shown, ProvisionError> {
    let change = Change { if_match, to: Wish::Patch(Patch::read(body)?) };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    scim::change_group(context, actor, &rules(app), parsed(id)?, &change).await
}

pub(super) async fn remove_group(
    app: &App,
    actor: &Actor,
    id: &str,
    if_match: Option<&str>,
) -> Result<(), ProvisionError> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    scim::remove_group(context, actor, &rules(app), parsed(id)?, if_match).await
}
