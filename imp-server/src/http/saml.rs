//! Web single sign-on by SAML 2.0, for applications that speak nothing newer (docs/saml.md).
pub(crate) mod leaving;
pub(crate) mod logout;
pub(crate) mod metadata;
mod page;
pub(crate) mod providers;
pub(crate) mod resume;
pub(crate) mod sso;

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imp_identity::sign_on::SignOn;
use imp_identity::user::User;
use imp_saml::{AuthnRequest, IdentityProvider, Statement, Status};

use super::{ProblemResponse, problem};
use crate::app::{self, App, Rng};
use crate::command;
use crate::saml::RegisteredProvider;
use crate::store::{KnownAs, Visit};

/// The query parameter and form field of requests.
const REQUEST: &str = "SAMLRequest";
/// The query parameter of answers.
const ANSWER: &str = "SAMLResponse";

/// Ourselves.
fn provider(app: &App, rng: &mut Rng) -> Result<Arc<IdentityProvider>, ProblemResponse> {
    app.saml.provider(app.now(), rng).map_err(|error| problem::internal(&error))
}

/// The application that calls itself so. `None`, too, when it speaks something else.
async fn application(
    app: &App,
    entity_id: &str,
) -> Result<Option<RegisteredProvider>, ProblemResponse> {
    command::find_service_provider(&app.storage, entity_id).await.map_err(problem::unread)
}

/// Tells the application who is signed on, by way of her browser; or that she cannot be told of as it asked.
async fn answer(
    app: &App,
    request: &AuthnRequest,
    application: &RegisteredProvider,
    (sign_on, user): (&SignOn, &User),
) -> Result<Response, ProblemResponse> {
    let Some(format) = request.name_id else {
        return refuse(app, request, Status::InvalidNameIdPolicy);
    };
    let Some(context) = request.context.answer(&sign_on.authentication) else {
        return refuse(app, request, Status::NoAuthnContext);
    };
    let entity = &application.provider.entity_id;
    let names = (user.username.as_str(), user.display_name.as_str());
    let name_id = app.saml.name_id(format, entity, sign_on, user);
    let session_index = app.saml.session_index(entity, sign_on.id);
    let known = KnownAs {
        subject: name_id.value.clone(),
        session: session_index.clone(),
        format: Some(format),
    };
    let statement = Statement {
        name_id,
        authentication: &sign_on.authentication,
        context,
        session_index,
        session_ends: application.provider.session_ends(sign_on.expires_at, app.now()),
        names: application.provider.attributes.then_some(names),
    };
    let mut rng = app::rng();
    let provider = provider(app, &mut rng)?;
    let response = provider.assertion(request, &statement, app.now(), &mut rng);
    let response = response.map_err(|error| problem::internal(&error))?;
    let visit = Visit { sign_on: sign_on.id, client: application.stored.id, known };
    let context = &mut app.context(&mut rng);
    let recorded = command::record_assertion(context, &visit, sign_on).await;
    if recorded.map_err(problem::unread)? {
        page::post(request, &response)
    } else {
        refuse(app, request, Status::AuthnFailed)
    }
}

/// Tells the application why nobody is signed on.
fn refuse(app: &App, request: &AuthnRequest, status: Status) -> Result<Response, ProblemResponse> {
    let mut rng = app::rng();
    let response = provider(app, &mut rng)?.refusal(request, status, app.now(), &mut rng);
    page::post(request, &response.map_err(|error| problem::internal(&error))?)
}

/// Sends the browser elsewhere.
fn see_other(location: &str) -> Result<Response, ProblemResponse> {
    let mut location =
        HeaderValue::try_from(location).map_err(|error| problem::internal(&error))?;
    location.set_sensitive(true);
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// An error with its causes, in one sentence.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests;
