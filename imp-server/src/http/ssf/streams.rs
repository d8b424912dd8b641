//! `/ssf/streams`
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use imp_identity::StreamId;
use serde::Deserialize;

use super::body::{Configuration, Wanted};
use super::{ReceiverPeer, Which};
use crate::app::{self, App};
use crate::command::{self, NewStream, StreamChange};
use crate::http::{Json, ProblemResponse, Query, problem};
use crate::store::StoredStream;
use crate::stream::{Receiver, Target};

/// Which stream; without one, all of the receiver's.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichIfAny {
    /// The stream.
    #[param(value_type = Option<String>)]
    stream_id: Option<StreamId>,
}

/// Makes a stream of the receiver's own.
#[utoipa::path(
    post, path = "/ssf/streams", tag = "ssf", operation_id = "create_ssf_stream",
    request_body = Wanted, security(("receiver" = [])),
    responses(
        (status = 201, description = "made", body = Configuration),
        (status = 409, description = "it has enough", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(receiver.id = %peer.0.id))]
pub(crate) async fn create(
    State(app): State<App>,
    peer: ReceiverPeer,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Configuration>), ProblemResponse> {
    let receiver = &peer.0;
    wanted.check(&app, None)?;
    let kinds = wanted.kinds(receiver)?;
    let target = wanted.delivery.map_or(Ok(Target::Poll), super::body::Delivery::target)?;
    let streams = command::streams_of_receiver(&app.storage, receiver.id).await;
    let taken = streams.map_err(problem::unread)?;
    let new = NewStream {
        name: name(receiver, &taken)?,
        receiver: Some(receiver.id),
        target: target.clone(),
        kinds,
        form: None,
        audience: None,
        description: wanted.description.flatten(),
        from: None,
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let author = peer.author();
    let stream = command::create_stream(context, &author, &app.streams, new).await?;
    let made = Configuration::of(&app, receiver, &stream, &target);
    Ok((StatusCode::CREATED, Json(made)))
}

/// Shows one of the receiver's streams, or all.
#[utoipa::path(
    get, path = "/ssf/streams", tag = "ssf", operation_id = "ssf_streams", params(WhichIfAny),
    security(("receiver" = [])),
    responses(
        (status = 200, description = "the stream, or a list", body = Configuration),
        (status = 404, description = "it has no such stream", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(receiver.id = %peer.0.id))]
pub(crate) async fn read(
    State(app): State<App>,
    peer: ReceiverPeer,
    Query(WhichIfAny { stream_id }): Query<WhichIfAny>,
) -> Result<Response, ProblemResponse> {
    let receiver = &peer.0;
    let streams = command::streams_of_receiver(&app.storage, receiver.id).await;
    let streams = streams.map_err(problem::unread)?;
    let Some(id) = stream_id else {
        let all: Result<Vec<_>, _> =
            streams.iter().map(|stored| configuration(&app, receiver, stored)).collect();
        return Ok(Json(all?).into_response());
    };
    let found = streams.iter().find(|stored| stored.stream.id == id);
    let found = found.ok_or_else(|| problem::NOT_FOUND.says("no such stream"))?;
    Ok(Json(configuration(&app, receiver, found)?).into_response())
}

/// Changes what is named of a stream.
#[utoipa::path(
    patch, path = "/ssf/streams", tag = "ssf", operation_id = "update_ssf_stream",
    request_body = Wanted, security(("receiver" = [])),
    responses((status = 200, description = "changed", body = Configuration))
)]
#[tracing::instrument(skip_all, fields(receiver.id = %peer.0.id))]
pub(crate) async fn update(
    State(app): State<App>,
    peer: ReceiverPeer,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Configuration>, ProblemResponse> {
    let kinds = match &wanted.events_requested {
        None => None,
        Some(_) => Some(wanted.kinds(&peer.0)?),
    };
    let description = wanted.description.clone();
    change(&app, &peer, wanted, StreamChange { target: None, kinds, description }).await
}

/// Replaces all of a stream that is the receiver's to say.
#[utoipa::path(
    put, path = "/ssf/streams", tag = "ssf", operation_id = "replace_ssf_stream",
    request_body = Wanted, security(("receiver" = [])),
    responses((status = 200, description = "replaced", body = Configuration))
)]
#[tracing::instrument(skip_all, fields(receiver.id = %peer.0.id))]
pub(crate) async fn replace(
    State(app): State<App>,
    peer: ReceiverPeer,
    Json(mut wanted): Json<Wanted>,
) -> Result<Json<Configuration>, ProblemResponse> {
    let kinds = Some(wanted.kinds(&peer.0)?);
    let description = Some(wanted.description.take().flatten());
    if wanted.delivery.is_none() {
        return Err(problem::STREAM_INVALID.says("A replacement needs a delivery."));
    }
    change(&app, &peer, wanted, StreamChange { target: None, kinds, description }).await
}

/// Deletes a stream.
#[utoipa::path(
    delete, path = "/ssf/streams", tag = "ssf", operation_id = "delete_ssf_stream", params(Which),
    security(("receiver" = [])),
    responses((status = 204, description = "deleted"))
)]
#[tracing::instrument(skip_all, fields(receiver.id = %peer.0.id))]
pub(crate) async fn delete(
    State(app): State<App>,
    peer: ReceiverPeer,
    Query(Which { stream_id }): Query<Which>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::delete_stream(context, &peer.author(), stream_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn change(
    app: &App,
    peer: &ReceiverPeer,
    wanted: Wanted,
    mut change: StreamChange,
) -> Result<Json<Configuration>, ProblemResponse> {
    let missing = || problem::STREAM_INVALID.says("stream_id must be named.");
    let id = wanted.stream_id.ok_or_else(missing)?;
    let streams = command::streams_of_receiver(&app.storage, peer.0.id).await;
    let streams = streams.map_err(problem::unread)?;
    let found = streams.iter().find(|stored| stored.stream.id == id);
    let found = found.ok_or_else(|| problem::NOT_FOUND.says("no such stream"))?;
    wanted.check(app, Some(&found.stream.audience))?;
    if let Some(delivery) = wanted.delivery {
        change.target = Some(delivery.target()?);
    }
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let author = peer.author();
    let stream = command::change_stream(context, &author, &app.streams, id, change).await?;
    let stored = command::find_stream(&app.storage, stream.id).await.map_err(problem::unread)?;
    let stored = stored.ok_or_else(|| problem::NOT_FOUND.says("no such stream"))?;
    Ok(Json(configuration(app, &peer.0, &stored)?))
}

fn configuration(
    app: &App,
    receiver: &Receiver,
    stored: &StoredStream,
) -> Result<Configuration, ProblemResponse> {
    let target = app.streams.sealer.open(stored.stream.id, &stored.settings);
    let target = target.map_err(|error| problem::internal(&error))?;
    Ok(Configuration::of(app, receiver, &stored.stream, &target))
}

/// A name that none of its streams has.
fn name(
    receiver: &Receiver,
    taken: &[StoredStream],
) -> Result<imp_identity::name::Label, ProblemResponse> {
    let short: String = receiver.name.as_str().chars().take(100).collect();
    let free = (1..=taken.len() + 1)
        .map(|number| format!("{short} ({number})"))
        .find(|name| taken.iter().all(|stored| stored.stream.name.as_str() != name));
    let name = free.and_then(|name| name.parse().ok());
    name.ok_or_else(|| problem::STREAM_INVALID.says("There is no name for the stream."))
}
