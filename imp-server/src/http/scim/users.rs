//! `/scim/v2/Users` (RFC 7644 §3).
use axum::extract::{Path, State};
use axum::http::StatusCode;
use imp_identity::{Actor, UserId};
use imp_scim::list::Query;
use imp_scim::patch::Patch;
use imp_scim::projection::Projection;
use imp_scim::{ScimError, USER, etag, resource};
use serde_json::Value;

use super::answer::{Answer, Refused};
use super::body::{Asked, Body, Conditions, Parsed};
use super::client::ScimClient;
use super::{RESULTS, rules};
use crate::app::{self, App};
use crate::command::scim::{self, Change, ProvisionError, Shown, Wish};

/// Finds users.
#[utoipa::path(
    get, path = "/scim/v2/Users", tag = "scim", operation_id = "scim_users", params(Asked),
    security(("client" = [])),
    responses(
        (status = 200, description = "a page of users", body = Value, content_type = "application/scim+json"),
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

/// Finds users by a query in the body.
#[utoipa::path(
    post, path = "/scim/v2/Users/.search", tag = "scim", operation_id = "scim_search_users",
    security(("client" = [])), request_body(content = Value, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "a page of users", body = Value, content_type = "application/scim+json"),
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
    query.check(&USER)?;
    let listed = scim::select_users(&app.storage, &rules(app), query).await?;
    Ok(Answer::list(listed, query.skip, &query.projection, &USER))
}

/// Creates a user.
#[utoipa::path(
    post, path = "/scim/v2/Users", tag = "scim", operation_id = "scim_create_user", params(Asked),
    security(("client" = [])), request_body(content = Value, content_type = "application/scim+json"),
    responses(
        (status = 201, description = "created", body = Value, content_type = "application/scim+json"),
        (status = 400, description = "not a user", body = Value, content_type = "application/scim+json"),
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
    let shown = create_user(&app, &actor, &body).await?;
    Ok(Answer::resource(StatusCode::CREATED, shown, &projection, &USER))
}

/// One user.
#[utoipa::path(
    get, path = "/scim/v2/Users/{user}", tag = "scim", operation_id = "scim_user",
    params(("user" = String, Path, description = "the user"), Asked), security(("client" = [])),
    responses(
        (status = 200, description = "the user", body = Value, content_type = "application/scim+json"),
        (status = 304, description = "it has not changed"),
        (status = 404, description = "no such user", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %id))]
pub(crate) async fn show(
    State(app): State<App>,
    _: ScimClient,
    Path(id): Path<String>,
    Parsed(asked): Parsed,
    conditions: Conditions,
) -> Result<Answer, Refused> {
    let projection = projection(&asked)?;
    let shown = scim::show_user(&app.storage, &rules(&app), parsed(&id)?).await?;
    if conditions.if_none_match.is_some_and(|it| etag::matches(&it, shown.version)) {
        let (status, version) = (StatusCode::NOT_MODIFIED, Some(shown.version));
        return Ok(Answer { status, body: None, version, location: None });
    }
    Ok(Answer::resource(StatusCode::OK, shown, &projection, &USER))
}

/// Replaces a user.
#[utoipa::path(
    put, path = "/scim/v2/Users/{user}", tag = "scim", operation_id = "scim_replace_user",
    params(("user" = String, Path, description = "the user"), Asked), security(("client" = [])),
    request_body(content = Value, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "replaced", body = Value, content_type = "application/scim+json"),
        (status = 400, description = "not a user", body = Value, content_type = "application/scim+json"),
        (status = 404, description = "no such user", body = Value, content_type = "application/scim+json"),
        (status = 409, description = "the name is taken", body = Value, content_type = "application/scim+json"),
        (status = 412, description = "it has changed in the meantime", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %id))]
pub(crate) async fn replace(
    State(app): State<App>,
    ScimClient(actor): ScimClient,
    Path(id): Path<String>,
    Parsed(asked): Parsed,
    conditions: Conditions,
    Body(body): Body,
) -> Result<Answer, Refused> {
    let projection = projection(&asked)?;
    let shown = replace_user(&app, &actor, &id, conditions.if_match, &body).await?;
    Ok(Answer::resource(StatusCode::OK, shown, &projection, &USER))
}

/// Changes a user.
#[utoipa::path(
    patch, path = "/scim/v2/Users/{user}", tag = "scim", operation_id = "scim_patch_user",
    params(("user" = String, Path, description = "the user"), Asked), security(("client" = [])),
    request_body(content = Value, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "changed", body = Value, content_type = "application/scim+json"),
        (status = 400, description = "not a patch", body = Value, content_type = "application/scim+json"),
        (status = 404, description = "no such user", body = Value, content_type = "application/scim+json"),
        (status = 409, description = "the name is taken", body = Value, content_type = "application/scim+json"),
        (status = 412, description = "it has changed in the meantime", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %id))]
pub(crate) async fn patch(
    State(app): State<App>,
    ScimClient(actor): ScimClient,
    Path(id): Path<String>,
    Parsed(asked): Parsed,
    conditions: Conditions,
    Body(body): Body,
) -> Result<Answer, Refused> {
    let projection = projection(&asked)?;
    let shown = patch_user(&app, &actor, &id, conditions.if_match, &body).await?;
    Ok(Answer::resource(StatusCode::OK, shown, &projection, &USER))
}

/// Removes a user.
#[utoipa::path(
    delete, path = "/scim/v2/Users/{user}", tag = "scim", operation_id = "scim_remove_user",
    params(("user" = String, Path, description = "the user")), security(("client" = [])),
    responses(
        (status = 204, description = "removed"),
        (status = 404, description = "no such user", body = Value, content_type = "application/scim+json"),
        (status = 412, description = "it has changed in the meantime", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %id))]
pub(crate) async fn remove(
    State(app): State<App>,
    ScimClient(actor): ScimClient,
    Path(id): Path<String>,
    conditions: Conditions,
) -> Result<Answer, Refused> {
    remove_user(&app, &actor, &id, conditions.if_match.as_deref()).await?;
    Ok(Answer::nothing())
}

fn projection(asked: &Asked) -> Result<Projection, ScimError> {
    Projection::read(asked.attributes.as_deref(), asked.excluded_attributes.as_deref())
}

/// What is no identifier names nothing.
fn parsed(id: &str) -> Result<UserId, ScimError> {
    id.parse().map_err(|_| ScimError::not_found("such user"))
}

pub(super) async fn create_user(
    app: &App,
    actor: &Actor,
    body: &Value,
) -> Result<Shown, ProvisionError> {
    let wish = resource::read(body, &USER)?;
    let mut rng = app::rng();
    scim::create_user(&mut app.context(&mut rng), actor, &rules(app), &wish).await
}

pub(super) async fn replace_user(
    app: &App,
    actor: &Actor,
    id: &str,
    if_match: Option<String>,
    body: &Value,
) -> Result<Shown, ProvisionError> {
    let change = Change { if_match, to: Wish::Whole(resource::read(body, &USER)?) };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    scim::change_user(context, actor, &rules(app), parsed(id)?, &change).await
}

pub(super) async fn patch_user(
    app: &App,
    actor: &Actor,
    id: &str,
    if_match: Option<String>,
    body: &Value,
) -> Result<Shown, ProvisionError> {
    let change = Change { if_match, to: Wish::Patch(Patch::read(body)?) };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    scim::change_user(context, actor, &rules(app), parsed(id)?, &change).await
}

pub(super) async fn remove_user(
    app: &App,
    actor: &Actor,
    id: &str,
    if_match: Option<&str>,
) -> Result<(), ProvisionError> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    scim::remove_user(context, actor, &rules(app), parsed(id)?, if_match).await
}
