//! `GET /v1/searches`
use axum::extract::State;
use imp_api::audit::{SavedSearch, SavedSearches};
use imp_identity::search;

use crate::app::App;
use crate::command;
use crate::http::caller::Reader;
use crate::http::{Json, ProblemResponse, problem};
use crate::store::Tables as _;

/// The searches that the caller may run: her own and the shared ones.
#[utoipa::path(
    get, path = "/v1/searches", tag = "audit", operation_id = "searches",
    security(("person" = [])),
    responses((status = 200, description = "the searches", body = SavedSearches))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    reader: Reader,
) -> Result<Json<SavedSearches>, ProblemResponse> {
    let found = command::list_searches(&app.storage, &reader.actor()).await;
    let searches = shown(&app, &found.map_err(problem::unread)?).await?;
    Ok(Json(SavedSearches { searches }))
}

/// Searches with the names of their owners.
pub(super) async fn shown(
    app: &App,
    searches: &[search::SavedSearch],
) -> Result<Vec<SavedSearch>, ProblemResponse> {
    let owners = searches.iter().filter_map(|search| search.owner);
    let mut transaction = app.storage.read().await.map_err(problem::unread)?;
    let people = transaction.named().people(owners).await.map_err(problem::unread)?;
    let shown = |search: &search::SavedSearch| SavedSearch {
        id: search.id,
        name: search.name.to_string(),
        owner: search.owner.map(|owner| {
            people.get(&owner).map_or_else(|| owner.to_string(), |p| p.username.to_string())
        }),
        shared: search.shared,
        question: search.question.clone(),
    };
    Ok(searches.iter().map(shown).collect())
}
