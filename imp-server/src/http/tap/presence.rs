//! `POST /v1/taps/{tap}/presence`
use axum::extract::State;
use imp_api::tap::{SubmitPresence, TapAccepted};
use imp_identity::{Refusal, TapId};

use crate::app::{self, App};
use crate::command::{self, Presence};
use crate::http::caller::WorkstationPeer;
use crate::http::{Json, Path, ProblemResponse, answer, problem};

/// Decides whether the phone alone, without a face, lets its owner in again where she was locked out a moment ago.
#[utoipa::path(
    post, path = "/v1/taps/{tap}/presence", tag = "taps", operation_id = "submit_presence",
    request_body = SubmitPresence, params(("tap" = Uuid, Path, description = "the tap")),
    security(("machine" = [])),
    responses(
        (status = 200, description = "accepted", body = TapAccepted),
        (status = 403, description = "refused, or not a workstation", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(workstation.id = %workstation.id, tap.id = %tap))]
pub(crate) async fn submit(
    State(app): State<App>,
    WorkstationPeer(workstation): WorkstationPeer,
    Path(tap): Path<TapId>,
    Json(SubmitPresence { statement, exporter }): Json<SubmitPresence>,
) -> Result<Json<TapAccepted>, ProblemResponse> {
    let exporter = <[u8; 32]>::try_from(exporter.0.as_slice());
    let exporter = exporter.map_err(|_| problem::refused(Refusal::EvidenceInvalid))?;
    let presence = Presence { workstation: workstation.id, tap, statement: &statement.0, exporter };
    let accepted = command::submit_presence(&mut app.context(&mut app::rng()), presence).await?;
    let command::TapAccepted { session, user, receipt } = accepted;
    let session = answer::session(&session, &user);
    Ok(Json(TapAccepted { session, receipt: receipt.into() }))
}
