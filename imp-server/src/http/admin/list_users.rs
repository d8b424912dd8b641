//! `GET /v1/users`
use axum::extract::State;
use imp_api::admin::Users;
use imp_identity::name::Username;
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
    /// The username after which the page begins.
    #[param(value_type = Option<String>)]
    after: Option<Username>,
    /// At most so many, 1 to 500; 100 unless said otherwise.
    limit: Option<u32>,
}

/// Lists users by username.
#[utoipa::path(
    get, path = "/v1/users", tag = "people", operation_id = "users", params(Page),
    security(("person" = [])),
    responses((status = 200, description = "a page", body = Users))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Officer,
    Query(Page { after, limit }): Query<Page>,
) -> Result<Json<Users>, ProblemResponse> {
    let page = command::list_users(&app.storage, after.as_ref(), limit.unwrap_or(100)).await;
    let page = page.map_err(problem::unread)?;
    let users = page.items.iter().map(answer::user).collect();
    Ok(Json(Users { users, next: page.next.as_ref().map(ToString::to_string) }))
}
