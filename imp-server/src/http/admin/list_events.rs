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
    /// The place in the log after which the page begins; from the beginning unless said otherwise.
    after: Option<u64>,
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
    Query(Page { after, limit }): Query<Page>,
) -> Result<Json<Events>, ProblemResponse> {
    let (after, limit) = (after.unwrap_or_default(), limit.unwrap_or(100));
    let page = command::events_page(&app.storage, after, limit).await;
    let events = page.map_err(problem::unread)?.into_iter().map(entry).collect();
    Ok(Json(Events { events }))
}

fn entry(entry: command::Entry) -> Entry {
    let command::Entry { sequence, record } = entry;
    Entry { sequence, type_uri: record.event.type_uri(), record }
}
