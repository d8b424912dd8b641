//! `GET /saml/slo`
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::Response;
use imp_identity::Actor;
use imp_identity::sign_on::{SignOn, SignOnEnd};
use imp_identity::user::User;
use imp_saml::{LogoutRequest, NameIdFormat, RedirectMessage};

use super::{REQUEST, application, page, see_other, told};
use crate::app::{self, App};
use crate::command;
use crate::http::sign_in::cookie::{self, BrowserSignOn};
use crate::http::{ProblemResponse, problem};
use crate::saml::RegisteredProvider;

/// Ends the browser's sign-on because an application asks, and answers it (saml-profiles-2.0-os §4.4). Applications that speak
/// OpenID Connect are told by their own way; other applications that speak SAML are not.
#[utoipa::path(
    get, path = "/saml/slo", tag = "saml", operation_id = "saml_logout",
    params(
        ("SAMLRequest" = String, Query, description = "a signed `LogoutRequest` by the HTTP-Redirect binding"),
        ("RelayState" = Option<String>, Query, description = "goes back with the answer"),
        ("SigAlg" = Option<String>, Query, description = "how the query is signed"),
        ("Signature" = Option<String>, Query, description = "its signature"),
    ),
    responses(
        (status = 303, description = "to the application, with a signed `LogoutResponse`"),
        (status = 400, description = "the request is not one to answer", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn logout(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    BrowserSignOn(browser): BrowserSignOn,
) -> Result<Response, ProblemResponse> {
    let message = match RedirectMessage::from_query(&query.unwrap_or_default(), REQUEST) {
        Ok(message) => message,
        Err(error) => return page::refused(&told(&error)),
    };
    let found = match imp_saml::authn_request::issuer(&message) {
        Ok(issuer) => application(&app, issuer).await?,
        Err(error) => return page::refused(&told(&error)),
    };
    let Some(found) = found else {
        return page::refused("The application is not registered.");
    };
    let mut rng = app::rng();
    let provider = super::provider(&app, &mut rng)?;
    let request = LogoutRequest::accept(message, &found.provider, &provider.logout, app.now());
    let request = match request {
        Ok(request) => request,
        Err(error) => return page::refused(&told(&error)),
    };
    let ended = match browser {
        Some((sign_on, user)) if is_meant(&app, &request, &found, (&sign_on, &user)) => {
            let actor = Actor::User(user.id);
            let context = &mut app.context(&mut rng);
            let ended = command::end_sign_on(context, &actor, sign_on.id, SignOnEnd::SignedOut);
            ended.await.map_err(problem::unread)?;
            true
        }
        // Somebody else is signed on in this browser by now
        Some(_) => false,
        None => true,
    };
    match provider.logged_out(&request, &found.provider, ended, app.now(), &mut rng) {
        Ok(location) => {
            let mut response = see_other(&location)?;
            if ended {
                response.headers_mut().append(header::SET_COOKIE, cookie::forget_sign_on());
            }
            Ok(response)
        }
        Err(error) => page::refused(&told(&error)),
    }
}

/// Whether the request is about whoever is signed on in this browser.
fn is_meant(
    app: &App,
    request: &LogoutRequest,
    application: &RegisteredProvider,
    (sign_on, user): (&SignOn, &User),
) -> bool {
    let entity = &application.provider.entity_id;
    let formats = [NameIdFormat::Persistent, NameIdFormat::Transient, NameIdFormat::Username];
    let mut names =
        formats.map(|format| app.saml.name_id(format, entity, sign_on, user).value).into_iter();
    names.any(|name| name == request.name_id)
        && request.means(&app.saml.session_index(entity, sign_on))
}
