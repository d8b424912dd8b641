//! `GET /v1/cases/{number}`
use axum::extract::State;
use imp_api::audit::CaseFile;
use serde::Deserialize;

use super::answer;
use crate::app::{self, App};
use crate::command::{self, ReadCaseError};
use crate::http::caller::Reader;
use crate::http::{Json, Path, ProblemResponse, Query, problem};

/// How much of it.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Much {
    /// Whether to prove each entry.
    #[serde(default)]
    proof: bool,
}

/// A case with the entries that it is about and those by which it was opened and changed. The reading is itself an entry.
#[utoipa::path(
    get, path = "/v1/cases/{number}", tag = "audit", operation_id = "case",
    params(("number" = u64, Path, description = "the number of the case"), Much),
    security(("person" = [])),
    responses(
        (status = 200, description = "the case", body = CaseFile),
        (status = 404, description = "no such case", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn show(
    State(app): State<App>,
    reader: Reader,
    Path(number): Path<u64>,
    Query(Much { proof }): Query<Much>,
) -> Result<Json<CaseFile>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let file = command::read_case(context, &reader.actor(), number, proof).await?;
    Ok(Json(answer::case_file(&file)))
}

impl From<ReadCaseError> for ProblemResponse {
    fn from(error: ReadCaseError) -> Self {
        match &error {
            ReadCaseError::NotFound => problem::NOT_FOUND.because(&error),
            ReadCaseError::Prove(_) => problem::internal(&error),
            ReadCaseError::Storage(source) => problem::storage(&error, source),
        }
    }
}
