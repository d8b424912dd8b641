//! `GET /v1/log/inclusion`
use axum::extract::State;
use imp_api::log::Inclusion;
use serde::Deserialize;

use crate::app::App;
use crate::http::{Json, ProblemResponse, Query};
use crate::log;

/// Which entry, in which tree.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Question {
    /// The entry's leaf index, from 0.
    index: u64,
    /// Entries in the tree; all that there are unless said otherwise.
    size: Option<u64>,
}

/// Proves that an entry stands in the log.
#[utoipa::path(
    get, path = "/v1/log/inclusion", tag = "log", operation_id = "inclusion", params(Question),
    responses(
        (status = 200, description = "the proof", body = Inclusion),
        (status = 404, description = "the log has no such entry or size", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn inclusion(
    State(app): State<App>,
    Query(Question { index, size }): Query<Question>,
) -> Result<Json<Inclusion>, ProblemResponse> {
    let key = app.keys.log_key().verifier_key();
    let shown = log::inclusion(&app.storage, key, index, size).await?;
    let leaf = shown.leaf.0.to_vec().into();
    let proof = shown.proof.0.iter().map(|hash| hash.0.to_vec().into()).collect();
    Ok(Json(Inclusion { index, size: shown.size, leaf, proof }))
}
