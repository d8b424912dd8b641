//! `GET /v1/searches/{search}/events`
use axum::extract::State;
use imp_api::audit::{Events, EventsQuery};
use imp_events::Question;
use imp_identity::SearchId;
use jiff::Timestamp;
use serde::Deserialize;

use super::{answer, question};
use crate::app::{self, App};
use crate::command;
use crate::http::caller::Reader;
use crate::http::{Json, Path, ProblemResponse, Query, problem};

/// Which time, and which page.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Run {
    /// Not earlier than this, whatever was saved.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Earlier than this, whatever was saved.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The number of the open case for which it is asked.
    case: Option<u64>,
    /// Newest first, from the entry before this index.
    before: Option<u64>,
    /// Oldest first, from the entry after this index.
    after: Option<u64>,
    /// `newest` first or `oldest` first; newest unless said otherwise, or `after` is given.
    order: Option<String>,
    /// At most so many, 1 to 500; 100 unless said otherwise.
    limit: Option<u32>,
}

/// Runs a saved search. What would show when somebody was at work is refused again. The search is itself an entry.
#[utoipa::path(
    get, path = "/v1/searches/{search}/events", tag = "audit", operation_id = "run_search",
    params(("search" = Uuid, Path, description = "the search"), Run), security(("person" = [])),
    responses(
        (status = 200, description = "a page", body = Events),
        (status = 403, description = "it would show when somebody was at work", body = imp_api::Problem),
        (status = 404, description = "no such search, or not for the caller", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(search.id = %id))]
pub(crate) async fn run(
    State(app): State<App>,
    reader: Reader,
    Path(id): Path<SearchId>,
    Query(run): Query<Run>,
) -> Result<Json<Events>, ProblemResponse> {
    let found = command::find_search(&app.storage, &reader.actor(), id).await;
    let search = found.map_err(problem::unread)?;
    let search = search.ok_or_else(|| problem::NOT_FOUND.says("There is no such saved search."))?;
    let saved = Question::from_json(&search.question).map_err(|e| problem::internal(&e))?;
    let case = match run.case {
        Some(number) => Some(command::resolve_case(&app.storage, number).await?.id),
        None => None,
    };
    let Run { from, until, before, after, order, limit, .. } = run;
    let paging = EventsQuery { before, after, order, limit, ..EventsQuery::default() };
    let paging = question::paging(&paging)?;
    let question =
        Question { from: from.or(saved.from), until: until.or(saved.until), case, ..saved };
    question.check().map_err(|error| question::invalid("from", error))?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let page = command::search_events(context, &reader.actor(), question, paging).await?;
    Ok(Json(answer::events(&page)))
}
