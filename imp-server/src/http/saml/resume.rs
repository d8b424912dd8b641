//! `GET /saml/continue`
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use imp_identity::InteractionId;
use imp_saml::{AuthnRequest, Status};
use serde::Deserialize;

use super::{answer, application, page, refuse};
use crate::app::{self, App};
use crate::command::{self, InteractionError, InteractionFailure};
use crate::http::sign_in::cookie;
use crate::http::{ProblemResponse, Query, problem};

/// Where browsers go on.
pub(super) const PATH: &str = "/saml/continue";

/// Which sign-in.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Continue {
    /// The interaction that the sign-in page ended.
    #[param(value_type = String)]
    interaction: InteractionId,
}

/// Goes on after the sign-in page, in the browser that was sent there, once.
#[utoipa::path(
    get, path = "/saml/continue", tag = "saml", operation_id = "saml_continue", params(Continue),
    responses(
        (status = 200, description = "a page that carries the answer to the application", content_type = "text/html", body = String),
        (status = 400, description = "there is nothing to go on with", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn resume(
    State(app): State<App>,
    Query(Continue { interaction }): Query<Continue>,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    let binding = cookie::binding(&headers, interaction).unwrap_or_default();
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let taken = match command::take_interaction(context, interaction, binding, PATH).await {
        Ok(taken) => taken,
        Err(InteractionError::Storage(error)) => return Err(problem::unread(error)),
        Err(
            error @ (InteractionError::Unknown
            | InteractionError::OtherBrowser
            | InteractionError::Unanswered),
        ) => return page::refused(&error.to_string()),
    };
    let request: AuthnRequest =
        serde_json::from_str(&taken.request).map_err(|error| problem::internal(&error))?;
    let application = application(&app, &request.issuer).await?;
    // Its addresses may have changed in the meantime
    let application = application.filter(|found| found.provider.admits(&request.consumer));
    let Some(application) = application else {
        return page::refused("The application is no longer registered with this address.");
    };
    let response = match (&taken.sign_on, taken.failed) {
        (Some((sign_on, user)), None) => {
            answer(&app, &request, &application, (sign_on, user)).await
        }
        (_, Some(InteractionFailure::Cancelled) | None) => {
            refuse(&app, &request, Status::AuthnFailed)
        }
        (_, Some(InteractionFailure::Unmet)) => refuse(&app, &request, Status::NoAuthnContext),
        (_, Some(InteractionFailure::Declined)) => refuse(&app, &request, Status::RequestDenied),
    };
    let mut response = response?;
    response.headers_mut().append(header::SET_COOKIE, cookie::forget_interaction(interaction));
    Ok(response)
}
