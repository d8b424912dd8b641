//! `GET /v1/streams`
use axum::extract::State;
use imp_api::stream::EventStream;

use crate::app::App;
use crate::command::{self, StreamState};
use crate::http::caller::Administrator;
use crate::http::{Json, ProblemResponse, problem};

/// Lists streams and how far each has come.
#[utoipa::path(
    get, path = "/v1/streams", tag = "streams", operation_id = "streams",
    security(("person" = [])), responses((status = 200, description = "all", body = Vec<EventStream>))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Administrator,
) -> Result<Json<Vec<EventStream>>, ProblemResponse> {
    let origin = app.keys.log_key().verifier_key().name();
    let states = command::list_streams(&app.storage, origin).await.map_err(problem::unread)?;
    Ok(Json(states.into_iter().map(|state| stream(&app, state)).collect()))
}

/// As administrators see it: on the command line, too.
pub(crate) fn stream(app: &App, state: StreamState) -> EventStream {
    let StreamState { stream, settings, cursor, behind, set_aside } = state;
    let target = app.streams.sealer.open(stream.id, &settings).ok();
    EventStream {
        id: stream.id,
        destination: target.and_then(|target| target.destination()),
        name: stream.name,
        delivery: stream.delivery,
        receiver: stream.receiver,
        kinds: stream.kinds.iter().map(|kind| kind.name().to_owned()).collect(),
        form: stream.form.code().to_owned(),
        audience: stream.audience,
        status: stream.status,
        reason: stream.reason,
        next: cursor.next,
        behind,
        failures: cursor.failures,
        retry_at: cursor.retry_at,
        last_error: cursor.last_error,
        set_aside,
    }
}
