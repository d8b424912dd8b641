//! `GET /v1/log/consistency`
use axum::extract::State;
use imp_api::log::Consistency;
use serde::Deserialize;

use crate::app::App;
use crate::http::{Json, ProblemResponse, Query};
use crate::log;

/// Which two trees.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Question {
    /// Entries in the smaller tree.
    from: u64,
    /// Entries in the larger tree; all that there are unless said otherwise.
    to: Option<u64>,
}

/// Proves that the log has only grown.
#[utoipa::path(
    get, path = "/v1/log/consistency", tag = "log", operation_id = "consistency", params(Question),
    responses(
        (status = 200, description = "the proof", body = Consistency),
        (status = 404, description = "the log has no such size", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn consistency(
    State(app): State<App>,
    Query(Question { from, to }): Query<Question>,
) -> Result<Json<Consistency>, ProblemResponse> {
    let key = app.keys.log_key().verifier_key();
    let shown = log::consistency(&app.storage, key, from, to).await?;
    let proof = shown.proof.0.iter().map(|hash| hash.0.to_vec().into()).collect();
    Ok(Json(Consistency { from, to: shown.size, proof }))
}
