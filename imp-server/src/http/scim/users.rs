//! `/scim/v2/Users` (RFC 7644 §3).
use axum::extract::{Path, State};
use axum::http::StatusCode;
use imp_scim::list::Query;

use super::RESULTS;
use super::answer::{Answer, Refused};
use super::body::{Asked, Body, Conditions, Parsed};
use super::client::ScimClient;
use super::kind::Kind;
use crate::app::App;

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
    Kind::User.select(&app, &Query::read(&asked.into(), RESULTS)?).await
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
    Kind::User.select(&app, &Query::read_search(&body, RESULTS)?).await
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
    let projection = asked.projection()?;
    let shown = Kind::User.create(&app, &actor, &body).await?;
    Ok(Kind::User.answer(StatusCode::CREATED, shown, &projection))
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
    Kind::User.show(&app, &id, &asked, &conditions).await
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
    let projection = asked.projection()?;
    let shown = Kind::User.replace(&app, &actor, &id, conditions.if_match, &body).await?;
    Ok(Kind::User.answer(StatusCode::OK, shown, &projection))
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
    let projection = asked.projection()?;
    let shown = Kind::User.patch(&app, &actor, &id, conditions.if_match, &body).await?;
    Ok(Kind::User.answer(StatusCode::OK, shown, &projection))
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
    Kind::User.remove(&app, &actor, &id, conditions.if_match.as_deref()).await?;
    Ok(Answer::nothing())
}
