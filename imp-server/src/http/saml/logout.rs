//! `GET /saml/slo`
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use imp_identity::Actor;
use imp_identity::sign_on::SignOn;
use imp_identity::user::User;
use imp_saml::{LogoutRequest, NameIdFormat, RedirectMessage};

use super::{ANSWER, REQUEST, application, leaving, page, see_other, told};
use crate::app::{self, App};
use crate::command;
use crate::http::sign_in::cookie::{self, BrowserSignOn};
use crate::http::{ProblemResponse, problem};
use crate::saml::RegisteredProvider;

/// Ends the browser's sign-on because an application asks, and answers it (saml-profiles-2.0-os §4.4); or takes what another
/// answers to whom the browser was sent meanwhile. All applications that know of the sign-on are told, each in its way.
#[utoipa::path(
    get, path = "/saml/slo", tag = "saml", operation_id = "saml_logout",
    params(
        ("SAMLRequest" = Option<String>, Query, description = "a signed `LogoutRequest` by the HTTP-Redirect binding"),
        ("SAMLResponse" = Option<String>, Query, description = "or a signed `LogoutResponse`"),
        ("RelayState" = Option<String>, Query, description = "goes back with the answer"),
        ("SigAlg" = Option<String>, Query, description = "how the query is signed"),
        ("Signature" = Option<String>, Query, description = "its signature"),
    ),
    responses(
        (status = 303, description = "to the application, with a signed `LogoutResponse`; or to the next one, with a signed `LogoutRequest`"),
        (status = 400, description = "the request is not one to answer", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn logout(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    BrowserSignOn(browser): BrowserSignOn,
) -> Result<Response, ProblemResponse> {
    let query = query.unwrap_or_default();
    if is_answer(&query) {
        return match RedirectMessage::from_query(&query, ANSWER) {
            Ok(message) => match leaving::answered(&app, &headers, &message).await? {
                Some(response) => Ok(response),
                None => page::refused("Nobody is signing out in this browser."),
            },
            Err(error) => page::refused(&told(&error)),
        };
    }
    let message = match RedirectMessage::from_query(&query, REQUEST) {
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
    let meant = browser
        .as_ref()
        .filter(|(sign_on, user)| is_meant(&app, &request, &found, (sign_on, user)));
    if let Some((sign_on, user)) = meant {
        let actor = Actor::User(user.id);
        let context = &mut app.context(&mut rng);
        let ended = command::end_sign_on_asked_by(context, &actor, sign_on.id, found.stored.id);
        ended.await.map_err(problem::unread)?;
    }
    // Else somebody else is signed on in this browser by now
    let ended = meant.is_some() || browser.is_none();
    let answer = provider.logged_out(&request, &found.provider, ended, app.now(), &mut rng);
    let location = match answer {
        Ok(location) => location,
        Err(error) => return page::refused(&told(&error)),
    };
    let led = match meant {
        Some((sign_on, _)) => leaving::lead(&app, sign_on.id, Some(&location)).await?,
        None => None,
    };
    let mut response = led.map_or_else(|| see_other(&location), Ok)?;
    if ended {
        response.headers_mut().append(header::SET_COOKIE, cookie::forget_sign_on());
    }
    Ok(response)
}

/// Whether it brings an answer of an application, and no request.
fn is_answer(query: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some(ANSWER))
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
        && request.means(&app.saml.session_index(entity, sign_on.id))
}
