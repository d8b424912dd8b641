//! `POST /v1/log/erasures`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::log::{Erasure, RequestErasure};
use imp_identity::erasure::Scope;

use super::answer;
use crate::app::{self, App};
use crate::command;
use crate::http::caller::Administrator;
use crate::http::{Json, ProblemResponse, problem};

/// Asks that one record, or all about a person, be erased.
#[utoipa::path(
    post, path = "/v1/log/erasures", tag = "log", operation_id = "request_erasure",
    request_body = RequestErasure, security(("person" = [])),
    responses(
        (status = 201, description = "asked for; an auditor decides", body = Erasure),
        (status = 404, description = "no such entry or person", body = imp_api::Problem),
        (status = 409, description = "erased already, or to be kept until its time", body = imp_api::Problem),
        (status = 422, description = "neither an entry nor a person, or both", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn request(
    State(app): State<App>,
    administrator: Administrator,
    Json(RequestErasure { index, user, reason }): Json<RequestErasure>,
) -> Result<(StatusCode, Json<Erasure>), ProblemResponse> {
    let scope = match (index, user) {
        (Some(index), None) => Scope::Record(index),
        (None, Some(user)) => Scope::Person(user),
        (Some(_), Some(_)) | (None, None) => {
            return Err(problem::ERASURE_SCOPE.says("Name one entry, or one person."));
        }
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let erasure = command::request_erasure(context, administrator.actor(), scope, reason).await?;
    Ok((StatusCode::CREATED, Json(answer(&erasure))))
}
