//! `POST /sign-in/code`
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use imp_identity::invitation::Code;
use imp_identity::{InteractionId, Secret};
use serde::Deserialize;
use utoipa::ToSchema;

use super::cookie::{self, BrowserSignOn};
use super::html;
use super::language::spoken;
use super::origin::OwnPage;
use crate::app::{self, App};
use crate::command::{self, Browser, SignInError};
use crate::http::{ProblemResponse, problem};

/// An officer's code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneTimeCode {
    #[schema(value_type = Uuid)]
    interaction: InteractionId,
    /// As she typed it.
    #[schema(value_type = String)]
    code: Secret<String>,
}

/// Lets whoever has an officer's code register a passkey. Every code that does not count gets the same page.
#[utoipa::path(
    post, path = "/sign-in/code", tag = "pages", operation_id = "redeem_code_in_browser",
    request_body(content = OneTimeCode, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "a page that goes on to the registration", content_type = "text/html", body = String),
        (status = 403, description = "the code does not count", content_type = "text/html", body = String),
        (status = 404, description = "the sign-in is over", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn redeem(
    State(app): State<App>,
    _own: OwnPage,
    BrowserSignOn(before): BrowserSignOn,
    headers: HeaderMap,
    form: Result<Form<OneTimeCode>, FormRejection>,
) -> Result<Response, ProblemResponse> {
    let Ok(Form(OneTimeCode { interaction, code })) = form else {
        return Err(problem::QUERY_INVALID.says("The form has no code."));
    };
    let wrong =
        || html::message(&app, StatusCode::FORBIDDEN, (spoken().sign_in, spoken().code_wrong));
    let Ok(code) = code.expose().parse::<Code>() else { return wrong() };
    let browser = Browser {
        interaction,
        binding: cookie::binding(&headers, interaction),
        before: before.map(|(sign_on, _)| sign_on.id),
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let signed = match command::redeem_code_in_browser(context, browser, &code).await {
        Ok(signed) => signed,
        Err(SignInError::Refused(refusal)) => {
            tracing::info!(refusal = refusal.code(), "a one-time code was refused");
            return wrong();
        }
        Err(error) => return Err(error.into()),
    };
    let mut response = html::go_on(&app, &format!("/account?then={interaction}"))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie::sign_on(&signed.cookie));
    Ok(response)
}
