//! `POST /sign-in/consent` and `/sign-in/cancel`
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::HeaderMap;
use axum::response::Response;
use imp_identity::InteractionId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::cookie::{self, BrowserSignOn};
use super::origin::OwnPage;
use super::page;
use crate::app::{self, App};
use crate::command::{self, InteractionAnswer, InteractionFailure};
use crate::http::{ProblemResponse, problem};

/// Whether she agrees.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consent {
    #[schema(value_type = Uuid)]
    interaction: InteractionId,
    decision: Decision,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Decision {
    Allow,
    Deny,
}

/// Which sign-in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancel {
    #[schema(value_type = Uuid)]
    interaction: InteractionId,
}

/// Agrees, or not, to what an application is told.
#[utoipa::path(
    post, path = "/sign-in/consent", tag = "pages", operation_id = "consent",
    request_body(content = Consent, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "a page that goes on", content_type = "text/html", body = String),
        (status = 403, description = "not asked by a page of ours", body = imp_api::Problem),
        (status = 404, description = "the sign-in is over", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn consent(
    State(app): State<App>,
    _own: OwnPage,
    BrowserSignOn(browser): BrowserSignOn,
    headers: HeaderMap,
    form: Result<Form<Consent>, FormRejection>,
) -> Result<Response, ProblemResponse> {
    let Ok(Form(Consent { interaction, decision })) = form else {
        return Err(problem::QUERY_INVALID.says("The form does not say what was decided."));
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let binding = cookie::binding(&headers, interaction);
    let asked = command::find_interaction(context, interaction, binding).await?;
    // Whoever was shown the question is who answers it.
    let same = browser.is_some_and(|(sign_on, _)| Some(sign_on.id) == asked.sign_on);
    if same {
        let answer = match decision {
            Decision::Allow => InteractionAnswer::Consent,
            Decision::Deny => InteractionAnswer::Failure(InteractionFailure::Declined),
        };
        command::answer_interaction(context, interaction, answer).await?;
    }
    page::after(&app, interaction)
}

/// Goes back to the application without signing in.
#[utoipa::path(
    post, path = "/sign-in/cancel", tag = "pages", operation_id = "cancel_sign_in",
    request_body(content = Cancel, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "a page that goes on", content_type = "text/html", body = String),
        (status = 403, description = "not asked by a page of ours", body = imp_api::Problem),
        (status = 404, description = "the sign-in is over", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn cancel(
    State(app): State<App>,
    _own: OwnPage,
    headers: HeaderMap,
    form: Result<Form<Cancel>, FormRejection>,
) -> Result<Response, ProblemResponse> {
    let Ok(Form(Cancel { interaction })) = form else {
        return Err(problem::QUERY_INVALID.says("The form does not say which sign-in."));
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let binding = cookie::binding(&headers, interaction);
    let asked = command::find_interaction(context, interaction, binding).await?;
    // Somebody who has tried, and could not be authenticated as required, did not simply turn back.
    let failure = if asked.sign_on.is_some() {
        InteractionFailure::Unmet
    } else {
        InteractionFailure::Cancelled
    };
    let answer = InteractionAnswer::Failure(failure);
    command::answer_interaction(context, interaction, answer).await?;
    page::after(&app, interaction)
}
