//! `/scim/v2/Groups` (RFC 7644 §3).
use axum::extract::{Path, State};
use axum::http::StatusCode;
use imp_scim::list::Query;

use super::RESULTS;
use super::answer::{Answer, Refused};
use super::body::{Asked, Body, Conditions, Parsed};
use super::client::ScimClient;
use super::kind::Kind;
use crate::app::App;

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
    Kind::Group.select(&app, &Query::read(&asked.into(), RESULTS)?).await
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
    Kind::Group.select(&app, &Query::read_search(&body, RESULTS)?).await
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
    let projection = asked.projection()?;
    let shown = Kind::Group.create(&app, &actor, &body).await?;
    Ok(Kind::Group.answer(StatusCode::CREATED, shown, &projection))
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
    Kind::Group.show(&app, &id, &asked, &conditions).await
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
    let projection = asked.projection()?;
    let shown = Kind::Group.replace(&app, &actor, &id, conditions.if_match, &body).await?;
    Ok(Kind::Group.answer(StatusCode::OK, shown, &projection))
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
    let projection = asked.projection()?;
    let shown = Kind::Group.patch(&app, &actor, &id, conditions.if_match, &body).await?;
    Ok(Kind::Group.answer(StatusCode::OK, shown, &projection))
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
    Kind::Group.remove(&app, &actor, &id, conditions.if_match.as_deref()).await?;
    Ok(Answer::nothing())
}
