//! `GET /v1/me/uses/{index}`
use axum::extract::State;
use imp_api::log::OwnUse;
use serde::Deserialize;

use super::uses::own_use;
use crate::app::{self, App};
use crate::command;
use crate::http::caller::PhonePeer;
use crate::http::{Json, Path, ProblemResponse, Query, problem};

/// In which tree.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Tree {
    /// Entries in the tree of which the proof is; all that there are unless said otherwise.
    size: Option<u64>,
}

/// Proves one entry about the phone's owner. Of an entry whose record was erased, the commitment is shown.
#[utoipa::path(
    get, path = "/v1/me/uses/{index}", tag = "me", operation_id = "own_use", params(Tree),
    params(("index" = u64, Path, description = "the entry's leaf index")),
    security(("machine" = [])),
    responses(
        (status = 200, description = "the entry", body = OwnUse),
        (status = 404, description = "there is none, or it is somebody else's", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(phone.id = %phone.id))]
pub(crate) async fn proof(
    State(app): State<App>,
    PhonePeer(phone): PhonePeer,
    Path(index): Path<u64>,
    Query(Tree { size }): Query<Tree>,
) -> Result<Json<OwnUse>, ProblemResponse> {
    let mut rng = app::rng();
    let found = command::own_use(&app.context(&mut rng), &phone, index, size).await?;
    let none = || problem::NOT_FOUND.says("The log has no such entry about you.");
    Ok(Json(own_use(found.ok_or_else(none)?)))
}
