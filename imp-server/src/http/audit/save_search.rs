//! `POST /v1/searches`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::audit::{SaveSearch, SavedSearch};

use super::{list_searches, question};
use crate::app::{self, App};
use crate::command::{self, SaveSearchError};
use crate::http::admin::names;
use crate::http::caller::Reader;
use crate::http::{Json, ProblemResponse, problem};

/// Keeps a question under a name. What would show when somebody was at work is refused here already.
#[utoipa::path(
    post, path = "/v1/searches", tag = "audit", operation_id = "save_search",
    request_body = SaveSearch, security(("person" = [])),
    responses(
        (status = 201, description = "kept", body = SavedSearch),
        (status = 403, description = "it would show when somebody was at work", body = imp_api::Problem),
        (status = 409, description = "the name is taken", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn save(
    State(app): State<App>,
    reader: Reader,
    Json(SaveSearch { name, shared, question: query }): Json<SaveSearch>,
) -> Result<(StatusCode, Json<SavedSearch>), ProblemResponse> {
    let paged = query.before.is_some() || query.after.is_some() || query.limit.is_some();
    if paged || query.order.is_some() {
        return Err(question::invalid("question", "a page is chosen when it is run"));
    }
    let name = names::field("name", &name)?;
    let question = question::question(&app.storage, &query).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let new = command::SaveSearch { name, shared, question };
    let search = command::save_search(context, &reader.actor(), new).await?;
    let mut shown = list_searches::shown(&app, &[search]).await?;
    let search = shown.pop().ok_or_else(|| problem::NOT_FOUND.says("The search is gone."))?;
    Ok((StatusCode::CREATED, Json(search)))
}

impl From<SaveSearchError> for ProblemResponse {
    fn from(error: SaveSearchError) -> Self {
        match error {
            SaveSearchError::Attendance(refused) => {
                Self::from(command::AskError::Attendance(refused))
            }
            SaveSearchError::OfCase => problem::SEARCH_OF_CASE.because(&error),
            SaveSearchError::NameTaken => problem::SEARCH_NAME_TAKEN.because(&error),
            SaveSearchError::Storage(ref source) => problem::storage(&error, source),
        }
    }
}
