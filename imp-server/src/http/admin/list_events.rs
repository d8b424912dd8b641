//! `GET /v1/events`
use axum::extract::State;
use imp_api::admin::{Entry, Events};
use serde::Deserialize;

use crate::app::App;
use crate::command;
use crate::http::caller::Reader;
use crate::http::{Json, ProblemResponse, Query, problem};

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// The index at which the page begins; 0 unless said otherwise.
    from: Option<u64>,
    /// At most so many, 1 to 500; 100 unless said otherwise.
    limit: Option<u32>,
}

/// Reads the event log in order.
#[utoipa::path(
    get, path = "/v1/events", tag = "audit", operation_id = "events", params(Page),
    security(("person" = [])),
    responses((status = 200, description = "a page", body = Events))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Reader,
    Query(Page { from, limit }): Query<Page>,
) -> Result<Json<Events>, ProblemResponse> {
    let (from, limit) = (from.unwrap_or_default(), limit.unwrap_or(100));
    let page = command::events_page(&app.storage, from, limit).await.map_err(problem::unread)?;
    let entries = page.iter().filter_map(|stored| stored.entry().transpose());
    let entries: Result<Vec<_>, _> = entries.collect();
    let events = entries.map_err(problem::unread)?.into_iter().map(entry).collect();
    Ok(Json(Events { events }))
}

fn entry(entry: command::Entry) -> Entry {
    let command::Entry { index, record } = entry;
    Entry { index, type_uri: record.event.type_uri(), record }
}
