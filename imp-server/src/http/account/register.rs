//! `POST /account/credentials/begin` and `/finish`
use axum::extract::State;
use imp_identity::name::Label;
use imp_webauthn::Authenticator;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Holder;
use crate::app::{self, App};
use crate::command;
use crate::http::sign_in::answer::Next;
use crate::http::sign_in::language::spoken;
use crate::http::sign_in::origin::OwnPage;
use crate::http::sign_in::passkey::Question;
use crate::http::{Json, ProblemResponse, problem};

/// What the browser should offer first.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    /// Something to plug in or to hold against the reader.
    security_key: bool,
}

/// The authenticator's answer, and what she calls it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    ceremony: Uuid,
    /// 1 to 128 characters.
    name: String,
    /// What `navigator.credentials.create` gave, in JSON.
    #[schema(value_type = Object)]
    answer: Value,
}

/// Asks the browser to register a passkey or security key.
#[utoipa::path(
    post, path = "/account/credentials/begin", tag = "pages", operation_id = "begin_credential",
    request_body = Register,
    responses(
        (status = 200, description = "the question", body = Question),
        (status = 401, description = "she has to prove who she is first", body = imp_api::Problem),
        (status = 403, description = "not asked by a page of ours", body = imp_api::Problem),
        (status = 409, description = "there are too many, or no passkeys here", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %holder.user.id))]
pub(crate) async fn begin(
    State(app): State<App>,
    _own: OwnPage,
    holder: Holder,
    Json(Register { security_key }): Json<Register>,
) -> Result<Json<Question>, ProblemResponse> {
    let authenticator = if security_key { Authenticator::SecurityKey } else { Authenticator::Any };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let asked =
        command::begin_credential(context, &app.webauthn, &holder.user, authenticator).await?;
    Ok(Json(asked.into()))
}

/// Registers what the authenticator answered.
#[utoipa::path(
    post, path = "/account/credentials/finish", tag = "pages", operation_id = "finish_credential",
    request_body = Registration,
    responses(
        (status = 200, description = "registered", body = Next),
        (status = 401, description = "she has to prove who she is first", body = imp_api::Problem),
        (status = 403, description = "not asked by a page of ours", body = imp_api::Problem),
        (status = 409, description = "too many, too late, or registered already", body = imp_api::Problem),
        (status = 422, description = "refused", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(user.id = %holder.user.id))]
pub(crate) async fn finish(
    State(app): State<App>,
    _own: OwnPage,
    holder: Holder,
    Json(Registration { ceremony, name, answer }): Json<Registration>,
) -> Result<Json<Next>, ProblemResponse> {
    let name: Label =
        name.parse().map_err(|_| problem::CREDENTIAL_REFUSED.says(spoken().name_invalid))?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let named = (name, answer);
    let registered =
        command::finish_credential(context, &app.webauthn, &holder.user, ceremony, named).await?;
    tracing::info!(credential.id = %registered.id, kind = registered.kind.code(), "registered");
    Ok(Json(Next { next: "/account".to_owned() }))
}
