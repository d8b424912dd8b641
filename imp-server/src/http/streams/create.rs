//! `POST /v1/streams`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::stream::{CreateStream, StreamCreated};

use crate::app::{self, App};
use crate::command::{self, Author};
use crate::http::caller::Administrator;
use crate::http::{Json, ProblemResponse};
use crate::stream::wish;

/// Makes a stream of events to another system.
#[utoipa::path(
    post, path = "/v1/streams", tag = "streams", operation_id = "create_stream",
    request_body = CreateStream, security(("person" = [])),
    responses(
        (status = 201, description = "made", body = StreamCreated),
        (status = 409, description = "the name is taken, or there are enough", body = imp_api::Problem),
        (status = 422, description = "it cannot be made", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn create(
    State(app): State<App>,
    administrator: Administrator,
    Json(body): Json<CreateStream>,
) -> Result<(StatusCode, Json<StreamCreated>), ProblemResponse> {
    let mut rng = app::rng();
    let wish::Wish { new, secret } = wish::read(body, &mut rng)?;
    let author = Author::administrator(administrator.actor());
    let context = &mut app.context(&mut rng);
    let stream = command::create_stream(context, &author, &app.streams, new).await?;
    Ok((StatusCode::CREATED, Json(StreamCreated { stream: stream.id, secret })))
}
