//! `/v1/receivers`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::stream::{AdmitReceiver, EventReceiver, ReceiverAdmitted};
use imp_identity::ReceiverId;

use crate::app::{self, App};
use crate::command::{self, NewReceiver};
use crate::http::caller::Administrator;
use crate::http::{Json, Path, ProblemResponse, problem};
use crate::stream::{Receiver, wish};

/// Lets a receiver in: with its token it manages streams of its own (SSF).
#[utoipa::path(
    post, path = "/v1/receivers", tag = "streams", operation_id = "admit_receiver",
    request_body = AdmitReceiver, security(("person" = [])),
    responses(
        (status = 201, description = "let in; the token is shown once", body = ReceiverAdmitted),
        (status = 409, description = "the name is taken", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn admit(
    State(app): State<App>,
    administrator: Administrator,
    Json(AdmitReceiver { name, audience, kinds }): Json<AdmitReceiver>,
) -> Result<(StatusCode, Json<ReceiverAdmitted>), ProblemResponse> {
    let kinds = wish::kinds(&kinds).map_err(wish::InvalidWish::from)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let new = NewReceiver { name, audience, kinds };
    let admitted = command::admit_receiver(context, administrator.actor(), new).await?;
    let body = ReceiverAdmitted { receiver: receiver(admitted.receiver), token: admitted.token };
    Ok((StatusCode::CREATED, Json(body)))
}

/// Lists receivers.
#[utoipa::path(
    get, path = "/v1/receivers", tag = "streams", operation_id = "receivers",
    security(("person" = [])),
    responses((status = 200, description = "all", body = Vec<EventReceiver>))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Administrator,
) -> Result<Json<Vec<EventReceiver>>, ProblemResponse> {
    let all = command::list_receivers(&app.storage).await.map_err(problem::unread)?;
    Ok(Json(all.into_iter().map(receiver).collect()))
}

/// Ends a receiver's token and deletes its streams.
#[utoipa::path(
    delete, path = "/v1/receivers/{receiver_id}", tag = "streams", operation_id = "dismiss_receiver",
    params(("receiver_id" = String, Path, description = "the receiver")), security(("person" = [])),
    responses(
        (status = 204, description = "dismissed"),
        (status = 404, description = "there is none", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(receiver.id = %id))]
pub(crate) async fn dismiss(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<ReceiverId>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::dismiss_receiver(context, administrator.actor(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// As administrators see it.
pub(crate) fn receiver(receiver: Receiver) -> EventReceiver {
    let Receiver { id, name, audience, kinds, admitted_at } = receiver;
    let kinds = kinds.iter().map(|kind| kind.name().to_owned()).collect();
    EventReceiver { id, name, audience, kinds, admitted_at }
}
