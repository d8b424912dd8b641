//! `POST /sign-in/passkey/begin` and `/finish`
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use imp_identity::InteractionId;
use imp_webauthn::Mediation;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{self, Next};
use super::cookie::{self, BrowserSignOn};
use super::origin::OwnPage;
use crate::app::{self, App};
use crate::command::{self, Asked, Browser};
use crate::http::{Json, ProblemResponse};

/// Which sign-in, and how the browser asks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begin {
    #[schema(value_type = Uuid)]
    interaction: InteractionId,
    /// Whether it only offers passkeys beside an input.
    #[serde(default)]
    conditional: bool,
}

/// The question to the authenticator.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Question {
    /// Names it.
    pub(crate) ceremony: Uuid,
    /// The argument of `navigator.credentials.get` or `.create`, in JSON.
    #[schema(value_type = Object)]
    pub(crate) options: Value,
}

/// The authenticator's answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finish {
    #[schema(value_type = Uuid)]
    interaction: InteractionId,
    ceremony: Uuid,
    /// What `navigator.credentials.get` gave, in JSON.
    #[schema(value_type = Object)]
    answer: Value,
}

impl From<Asked> for Question {
    fn from(Asked { ceremony, options }: Asked) -> Self {
        Self { ceremony, options }
    }
}

/// Asks the browser for a passkey or security key. Nobody is named: the answer is the same for everybody.
#[utoipa::path(
    post, path = "/sign-in/passkey/begin", tag = "pages", operation_id = "begin_passkey",
    request_body = Begin,
    responses(
        (status = 200, description = "the question", body = Question),
        (status = 403, description = "not asked by a page of ours", body = imp_api::Problem),
        (status = 404, description = "the sign-in is over", body = imp_api::Problem),
        (status = 409, description = "there are no passkeys here", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn begin(
    State(app): State<App>,
    _own: OwnPage,
    headers: HeaderMap,
    Json(Begin { interaction, conditional }): Json<Begin>,
) -> Result<Json<Question>, ProblemResponse> {
    let mediation = if conditional { Mediation::Conditional } else { Mediation::Modal };
    let browser =
        Browser { interaction, binding: cookie::binding(&headers, interaction), before: None };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let asked = command::begin_passkey(context, &app.webauthn, browser, mediation).await?;
    Ok(Json(asked.into()))
}

/// Signs the browser on by the authenticator's answer.
#[utoipa::path(
    post, path = "/sign-in/passkey/finish", tag = "pages", operation_id = "finish_passkey",
    request_body = Finish,
    responses(
        (status = 200, description = "signed on", body = Next),
        (status = 403, description = "refused", body = imp_api::Problem),
        (status = 404, description = "the sign-in is over", body = imp_api::Problem),
        (status = 409, description = "there are no passkeys here", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn finish(
    State(app): State<App>,
    _own: OwnPage,
    BrowserSignOn(before): BrowserSignOn,
    headers: HeaderMap,
    Json(Finish { interaction, ceremony, answer }): Json<Finish>,
) -> Result<Response, ProblemResponse> {
    let browser = Browser {
        interaction,
        binding: cookie::binding(&headers, interaction),
        before: before.map(|(sign_on, _)| sign_on.id),
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let signed = command::finish_passkey(context, &app.webauthn, browser, ceremony, answer).await?;
    Ok(answer::signed_on(interaction, &signed))
}
