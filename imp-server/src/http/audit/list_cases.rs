//! `GET /v1/cases`
use axum::extract::State;
use imp_api::audit::Cases;
use serde::Deserialize;

use super::{answer, question};
use crate::app::App;
use crate::command;
use crate::http::caller::Reader;
use crate::http::{Json, ProblemResponse, Query, problem};
use crate::store::CaseFilter;

/// Which cases.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// `open` or `closed`.
    state: Option<String>,
    /// Who looks into them: a username or identifier.
    assignee: Option<String>,
    /// Those before this number.
    before: Option<u64>,
    /// At most so many, 1 to 500; 100 unless said otherwise.
    limit: Option<u32>,
}

/// Lists cases, newest first.
#[utoipa::path(
    get, path = "/v1/cases", tag = "audit", operation_id = "cases", params(Which),
    security(("person" = [])),
    responses((status = 200, description = "a page", body = Cases))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Reader,
    Query(Which { state, assignee, before, limit }): Query<Which>,
) -> Result<Json<Cases>, ProblemResponse> {
    let open = match state.as_deref() {
        None => None,
        Some("open") => Some(true),
        Some("closed") => Some(false),
        Some(_) => return Err(question::invalid("state", "`open` or `closed` is expected")),
    };
    let assignee = match assignee {
        Some(text) => Some(command::resolve_person(&app.storage, &text).await?),
        None => None,
    };
    let filter = CaseFilter { open, assignee };
    let listed = command::list_cases(&app.storage, filter, before, limit.unwrap_or(100)).await;
    let (page, names) = listed.map_err(problem::unread)?;
    let cases = page.items.iter().map(answer::case).collect();
    Ok(Json(Cases { cases, names: names.by_identifier(), next: page.next }))
}
