//! `GET` and `POST /saml/sso`
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, RawQuery, State};
use axum::http::header;
use axum::response::Response;
use imp_identity::sign_on::{Requirements, meets};
use imp_saml::{AuthnRequest, RedirectMessage, Status, query_of_form};
use serde::Deserialize;

use super::{REQUEST, answer, application, page, refuse, see_other, told};
use crate::app::{self, App};
use crate::command::{self, NewInteraction};
use crate::http::sign_in::cookie::{self, BrowserSignOn};
use crate::http::{ProblemResponse, problem};
use crate::saml::RegisteredProvider;

/// A request by the HTTP-POST binding.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(crate) struct PostedRequest {
    /// The request, in base64.
    #[serde(rename = "SAMLRequest")]
    request: String,
    /// What to send back with the answer.
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// Signs the browser's user on to the application that asks (saml-profiles-2.0-os §4.1), or lets her sign in before.
#[utoipa::path(
    get, path = "/saml/sso", tag = "saml", operation_id = "saml_sign_on",
    params(
        ("SAMLRequest" = String, Query, description = "an `AuthnRequest` by the HTTP-Redirect binding"),
        ("RelayState" = Option<String>, Query, description = "goes back with the answer"),
        ("SigAlg" = Option<String>, Query, description = "how the query is signed"),
        ("Signature" = Option<String>, Query, description = "its signature"),
    ),
    responses(
        (status = 200, description = "a page that carries the answer to the application", content_type = "text/html", body = String),
        (status = 303, description = "to the sign-in page"),
        (status = 400, description = "the request is not one to answer", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn sign_on(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    BrowserSignOn(browser): BrowserSignOn,
) -> Result<Response, ProblemResponse> {
    let (request, application) = match accepted(&app, &query.unwrap_or_default()).await? {
        Ok(accepted) => accepted,
        Err(reason) => return page::refused(&reason),
    };
    if request.name_id.is_none() {
        return refuse(&app, &request, Status::InvalidNameIdPolicy);
    }
    if request.context.is_impossible() {
        return refuse(&app, &request, Status::NoAuthnContext);
    }
    let requirements = requirements(&request, &application);
    let enough = |sign_on| meets(&requirements, sign_on, app.now());
    match browser {
        Some((sign_on, user)) if enough(&sign_on.authentication) => {
            answer(&app, &request, &application, (&sign_on, &user)).await
        }
        Some(_) | None if request.passive => refuse(&app, &request, Status::NoPassive),
        Some(_) | None => ask(&app, &request, requirements).await,
    }
}

/// Takes a request by the HTTP-POST binding, and goes on with it as with one by HTTP-Redirect: a browser sends its cookies there.
#[utoipa::path(
    post, path = "/saml/sso", tag = "saml", operation_id = "saml_post_request",
    request_body(content = PostedRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "to the same address, with the request in the query"),
        (status = 400, description = "the request is not one to answer", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn post(
    State(app): State<App>,
    form: Result<Form<PostedRequest>, FormRejection>,
) -> Result<Response, ProblemResponse> {
    let Ok(Form(PostedRequest { request, relay_state })) = form else {
        return page::refused("The form holds no SAMLRequest.");
    };
    match query_of_form(&request, relay_state.as_deref()) {
        Ok(query) => see_other(&format!("{}/saml/sso?{query}", app.issuer)),
        Err(error) => page::refused(&told(&error)),
    }
}

type Accepted = (AuthnRequest, RegisteredProvider);

/// The request, if it is one to answer; else why not.
async fn accepted(app: &App, query: &str) -> Result<Result<Accepted, String>, ProblemResponse> {
    let message = match RedirectMessage::from_query(query, REQUEST) {
        Ok(message) => message,
        Err(error) => return Ok(Err(told(&error))),
    };
    let found = match imp_saml::authn_request::issuer(&message) {
        Ok(issuer) => application(app, issuer).await?,
        Err(error) => return Ok(Err(told(&error))),
    };
    let Some(found) = found else {
        return Ok(Err("The application is not registered.".to_owned()));
    };
    let mut rng = app::rng();
    let address = &super::provider(app, &mut rng)?.sign_on;
    match AuthnRequest::accept(message, &found.provider, address, app.now()) {
        Ok(request) => Ok(Ok((request, found))),
        Err(error) => {
            // Anybody can send a wrong request in an application's name: one a minute is told
            if app.oauth.refusals.admit(found.stored.id, app.now()) {
                let context = &mut app.context(&mut rng);
                let (client, reason) = (Some(found.stored.id), told(&error));
                let recorded = command::record_client_refusal(context, client, reason).await;
                recorded.map_err(problem::unread)?;
            }
            Ok(Err(told(&error)))
        }
    }
}

fn requirements(request: &AuthnRequest, application: &RegisteredProvider) -> Requirements {
    Requirements {
        aal: request.context.least(),
        phishing_resistant: false,
        max_age: None,
        force: request.force,
        hint: None,
        consent: None,
        client_name: application.stored.name.clone(),
    }
}

/// Sends the browser to the sign-in page.
async fn ask(
    app: &App,
    request: &AuthnRequest,
    requirements: Requirements,
) -> Result<Response, ProblemResponse> {
    let document = serde_json::to_string(request).map_err(|error| problem::internal(&error))?;
    let new = NewInteraction { continue_at: super::resume::PATH, request: document, requirements };
    let mut rng = app::rng();
    let opened = command::open_interaction(&mut app.context(&mut rng), new).await;
    let (id, binding) = opened.map_err(problem::unread)?;
    let mut response = see_other(&format!("/sign-in?interaction={id}"))?;
    response.headers_mut().append(header::SET_COOKIE, cookie::interaction(id, &binding));
    Ok(response)
}
