//! `GET /v1/events/{index}/proof`
use axum::extract::State;
use imp_api::audit::EventProof;

use super::answer;
use crate::app::{self, App};
use crate::command::{self, ProveError};
use crate::http::caller::Reader;
use crate::http::{Json, Path, ProblemResponse, problem};

/// Everything that proves one entry: record, salt, inclusion proof and checkpoint. The reading is itself an entry.
#[utoipa::path(
    get, path = "/v1/events/{index}/proof", tag = "audit", operation_id = "event_proof",
    params(("index" = u64, Path, description = "the entry's place in the log")),
    security(("person" = [])),
    responses(
        (status = 200, description = "the proof", body = EventProof),
        (status = 404, description = "the log has no such entry", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn proof(
    State(app): State<App>,
    reader: Reader,
    Path(index): Path<u64>,
) -> Result<Json<EventProof>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let proven = command::prove_entry(context, &reader.actor(), index).await?;
    Ok(Json(answer::proof(&proven)))
}

impl From<ProveError> for ProblemResponse {
    fn from(error: ProveError) -> Self {
        match &error {
            ProveError::NotFound => problem::NOT_IN_LOG.because(&error),
            ProveError::Proof(_) => problem::internal(&error),
            ProveError::Storage(source) => problem::storage(&error, source),
        }
    }
}
