//! `GET /v1/me/uses`
use axum::extract::State;
use imp_api::log::{OwnUse, OwnUses};
use serde::Deserialize;

use crate::app::{self, App};
use crate::command::{self, ProvenUse};
use crate::http::caller::PhonePeer;
use crate::http::{Json, ProblemResponse, Query};

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Entries in the tree of which the proofs are; all that there are unless said otherwise.
    size: Option<u64>,
    /// The index after which the page begins; from the beginning unless said otherwise.
    after: Option<u64>,
}

/// Lists what the log holds about the phone's owner, each entry with its proof.
#[utoipa::path(
    get, path = "/v1/me/uses", tag = "me", operation_id = "own_uses", params(Page),
    security(("machine" = [])),
    responses(
        (status = 200, description = "a page, oldest first", body = OwnUses),
        (status = 404, description = "the log has no such size", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(phone.id = %phone.id))]
pub(crate) async fn uses(
    State(app): State<App>,
    PhonePeer(phone): PhonePeer,
    Query(Page { size, after }): Query<Page>,
) -> Result<Json<OwnUses>, ProblemResponse> {
    let mut rng = app::rng();
    let found = command::own_uses(&mut app.context(&mut rng), &phone, size, after).await?;
    let entries = found.uses.into_iter().map(own_use).collect();
    Ok(Json(OwnUses { size: found.size, entries, more: found.more }))
}

pub(super) fn own_use(proven: ProvenUse) -> OwnUse {
    let ProvenUse { stored, proof, workstation_label } = proven;
    let (record, salt) = match stored.content {
        Some(content) => (Some(content.record), Some(content.salt.to_vec().into())),
        None => (None, None),
    };
    OwnUse {
        index: stored.index,
        commitment: stored.commitment.to_vec().into(),
        record,
        salt,
        proof: proof.0.iter().map(|hash| hash.0.to_vec().into()).collect(),
        workstation_label,
    }
}
