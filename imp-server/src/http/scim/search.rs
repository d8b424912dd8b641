//! `POST /scim/v2/.search` (RFC 7644 §3.4.3): users and groups in one answer.
use axum::extract::State;
use imp_scim::list::{Query, list_response};
use imp_scim::{GROUP, ResourceType, USER};
use serde_json::Value;

use super::answer::{Answer, Refused};
use super::body::Body;
use super::client::ScimClient;
use super::{RESULTS, rules};
use crate::app::App;
use crate::command::scim::{self, Listed};

/// Finds users, and groups behind them, by a query in the body. An order is kept within each.
#[utoipa::path(
    post, path = "/scim/v2/.search", tag = "scim", operation_id = "scim_search",
    security(("client" = [])), request_body(content = Value, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "a page of users and groups", body = Value, content_type = "application/scim+json"),
        (status = 400, description = "not a query", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn search(
    State(app): State<App>,
    _: ScimClient,
    Body(body): Body,
) -> Result<Answer, Refused> {
    let query = Query::read_search(&body, RESULTS)?;
    // What one of them does not have, it does not fit; what neither has cannot be asked.
    if let (Err(error), Err(_)) = (query.check(&USER), query.check(&GROUP)) {
        return Err(error.into());
    }
    let users = scim::select_users(&app.storage, &rules(&app), &query).await?;
    let rest = Query {
        skip: query.skip.saturating_sub(users.total),
        count: query.count - users.page.len(),
        ..query.clone()
    };
    let groups = scim::select_groups(&app.storage, &rules(&app), &rest).await?;
    let total = users.total + groups.total;
    let mut page = shown(users, &query, &USER);
    page.extend(shown(groups, &query, &GROUP));
    Ok(Answer::document(list_response(total, query.skip, &page)))
}

fn shown(listed: Listed, query: &Query, of: &ResourceType) -> Vec<Value> {
    let page = listed.page.into_iter();
    page.map(|shown| query.projection.apply(shown.resource, of)).collect()
}
