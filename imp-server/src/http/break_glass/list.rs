//! `GET /v1/break-glass`
use axum::extract::State;
use imp_api::break_glass::Emergencies;

use crate::app::App;
use crate::command;
use crate::http::caller::Person;
use crate::http::{Json, ProblemResponse, break_glass, problem};

/// The entries in emergencies that nobody has reviewed, the most urgent first.
#[utoipa::path(
    get, path = "/v1/break-glass", tag = "audit", operation_id = "emergencies",
    security(("person" = [])),
    responses((status = 200, description = "the entries", body = Emergencies))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Person,
) -> Result<Json<Emergencies>, ProblemResponse> {
    let owed = command::owed_reviews(&app.storage).await.map_err(problem::unread)?;
    let now = app.now();
    let emergencies = owed.iter().map(|(entry, _)| break_glass::shown(entry, now)).collect();
    Ok(Json(Emergencies { emergencies }))
}
