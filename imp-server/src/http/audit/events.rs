//! `GET /v1/events`
use axum::extract::State;
use imp_api::audit::{Events, EventsQuery};

use super::{answer, question};
use crate::app::{self, App};
use crate::command;
use crate::http::caller::Reader;
use crate::http::{Json, ProblemResponse, Query};

/// Searches the event log: newest first, or in order with `after` or `order=oldest`. The search is itself an entry.
#[utoipa::path(
    get, path = "/v1/events", tag = "audit", operation_id = "events", params(EventsQuery),
    security(("person" = [])),
    responses(
        (status = 200, description = "a page", body = Events),
        (status = 403, description = "it would show when somebody was at work", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn search(
    State(app): State<App>,
    reader: Reader,
    Query(query): Query<EventsQuery>,
) -> Result<Json<Events>, ProblemResponse> {
    let paging = question::paging(&query)?;
    let question = question::question(&app.storage, &query).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let page = command::search_events(context, &reader.actor(), question, paging).await?;
    Ok(Json(answer::events(&page)))
}
