//! `POST /sign-in/handover`
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use imp_identity::{InteractionId, Secret};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::{self, Next};
use super::cookie::{self, BrowserSignOn};
use super::origin::OwnPage;
use crate::app::{self, App};
use crate::command::{self, Browser};
use crate::http::{Json, ProblemResponse};

/// What the agent of the computer gave the page.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redeem {
    #[schema(value_type = Uuid)]
    interaction: InteractionId,
    /// Counts once, for this sign-in, for half a minute.
    #[schema(value_type = String)]
    code: Secret<String>,
}

/// Signs the browser on as the desktop that it stands on.
#[utoipa::path(
    post, path = "/sign-in/handover", tag = "pages", operation_id = "redeem_handover",
    request_body = Redeem,
    responses(
        (status = 200, description = "signed on", body = Next),
        (status = 403, description = "refused", body = imp_api::Problem),
        (status = 404, description = "the sign-in is over", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn redeem(
    State(app): State<App>,
    _own: OwnPage,
    BrowserSignOn(before): BrowserSignOn,
    headers: HeaderMap,
    Json(Redeem { interaction, code }): Json<Redeem>,
) -> Result<Response, ProblemResponse> {
    let browser = Browser {
        interaction,
        binding: cookie::binding(&headers, interaction),
        before: before.map(|(sign_on, _)| sign_on.id),
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let signed = command::redeem_desktop(context, browser, code.expose()).await?;
    Ok(answer::signed_on(interaction, &signed))
}
