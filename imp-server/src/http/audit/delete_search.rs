//! `DELETE /v1/searches/{search}`
use axum::extract::State;
use axum::http::StatusCode;
use imp_identity::SearchId;

use crate::app::{self, App};
use crate::command::{self, RemoveSearchError};
use crate::http::caller::Reader;
use crate::http::{Path, ProblemResponse, problem};

/// Removes a saved search of the caller's. The log keeps that it was there.
#[utoipa::path(
    delete, path = "/v1/searches/{search}", tag = "audit", operation_id = "remove_search",
    params(("search" = Uuid, Path, description = "the search")), security(("person" = [])),
    responses(
        (status = 204, description = "removed"),
        (status = 404, description = "no such search of the caller's", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(search.id = %id))]
pub(crate) async fn remove(
    State(app): State<App>,
    reader: Reader,
    Path(id): Path<SearchId>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::remove_search(context, &reader.actor(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<RemoveSearchError> for ProblemResponse {
    fn from(error: RemoveSearchError) -> Self {
        match &error {
            RemoveSearchError::NotFound => problem::NOT_FOUND.because(&error),
            RemoveSearchError::Storage(source) => problem::storage(&error, source),
        }
    }
}
