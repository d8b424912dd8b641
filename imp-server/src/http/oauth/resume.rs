//! `GET /oauth/continue`: a browser comes back from signing in.
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use imp_identity::InteractionId;
use imp_identity::sign_on::SignOn;
use imp_identity::user::User;
use imp_oauth::authorize::AuthorizationRequest;
use imp_oauth::{ErrorCode, OAuthError, acr};
use serde::Deserialize;

use super::authorize::{Asking, CONTINUE, Undecided};
use super::page;
use super::refused::{Refused, failed};
use crate::app::{self, App};
use crate::command::{self, InteractionError, InteractionFailure, TakenInteraction};
use crate::http::sign_in::cookie::{self, BrowserSignOn};

/// Which interaction.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Resumed {
    /// The interaction that is over.
    #[param(value_type = String)]
    pub(super) interaction: InteractionId,
}

/// Goes on where an application was left to sign in.
#[utoipa::path(
    get, path = "/oauth/continue", tag = "oauth", operation_id = "oauth_continue", params(Resumed),
    responses(
        (status = 303, description = "to the application"),
        (status = 400, description = "nowhere to go: a page says why", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn resume(
    State(app): State<App>,
    headers: HeaderMap,
    BrowserSignOn(browser): BrowserSignOn,
    resumed: Result<Query<Resumed>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(Resumed { interaction })) = resumed else {
        let error = OAuthError::request("the address does not name a sign-in");
        return page::refused(StatusCode::BAD_REQUEST, &error);
    };
    let taken = match take(&app, &headers, interaction, CONTINUE).await {
        Ok(taken) => taken,
        Err(response) => return *response,
    };
    let mut response = answer(&app, taken, browser).await;
    let forget = cookie::forget_interaction(interaction);
    response.headers_mut().append(header::SET_COOKIE, forget);
    response
}

/// Ends an interaction; what goes wrong is a page.
pub(super) async fn take(
    app: &App,
    headers: &HeaderMap,
    id: InteractionId,
    continue_at: &str,
) -> Result<TakenInteraction, Box<Response>> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let binding = cookie::binding(headers, id).unwrap_or_default();
    let taken = command::take_interaction(context, id, binding, continue_at).await;
    taken.map_err(|error| {
        Box::new(match error {
            InteractionError::Storage(error) => page::refused_with(error.into()),
            InteractionError::Unanswered => page::see_other(&format!("/sign-in?interaction={id}")),
            InteractionError::Unknown | InteractionError::OtherBrowser => {
                page::refused(StatusCode::BAD_REQUEST, &OAuthError::request(error.to_string()))
            }
        })
    })
}

async fn answer(app: &App, taken: TakenInteraction, browser: Option<(SignOn, User)>) -> Response {
    let asking = match asking(app, &taken).await {
        Ok(asking) => asking,
        Err(refused) => return page::refused_with(refused),
    };
    match go_on(&asking, taken, browser).await {
        Ok(response) => response,
        Err(Undecided::Answer(error)) => page::send(&asking.fail(&error)),
        Err(Undecided::Failed(refused)) => page::send(&asking.fail(&refused.error)),
    }
}

async fn asking<'a>(app: &'a App, taken: &TakenInteraction) -> Result<Asking<'a>, Refused> {
    let request: AuthorizationRequest =
        serde_json::from_str(&taken.request).map_err(|error| failed(&error, false))?;
    let client = app.oauth.client(&app.storage, request.client).await?;
    // What was registered may have changed while she signed in.
    let client = client.filter(|client| client.metadata.admits_redirect(&request.redirect_uri));
    let gone = || OAuthError::client("the application is not registered any more");
    Ok(Asking { app, client: client.ok_or_else(gone)?, request })
}

async fn go_on(
    asking: &Asking<'_>,
    taken: TakenInteraction,
    browser: Option<(SignOn, User)>,
) -> Result<Response, Undecided> {
    let refuse = |code, text: &'static str| Err(Undecided::Answer(OAuthError::new(code, text)));
    match taken.failed {
        None => {}
        Some(InteractionFailure::Cancelled) => {
            return refuse(ErrorCode::AccessDenied, "the user did not sign in");
        }
        Some(InteractionFailure::Declined) => {
            return refuse(ErrorCode::AccessDenied, "the user did not agree");
        }
        Some(InteractionFailure::Unmet) => {
            // A wish that cannot be granted is no condition: the application looks at `acr`.
            if let Some((sign_on, user)) = browser
                && asking.is_enough_without_wishes(&sign_on, &user).await?
            {
                return asking.grant(&sign_on, &user, taken.consented).await;
            }
            let text = "the user cannot be authenticated like this";
            return refuse(ErrorCode::UnmetAuthenticationRequirements, text);
        }
    }
    let Some((sign_on, user)) = taken.sign_on else {
        return refuse(ErrorCode::LoginRequired, "nobody is signed on");
    };
    if let Some(expected) = asking.expected().await?
        && expected != asking.subject(&user)
    {
        return refuse(ErrorCode::LoginRequired, "somebody else signed on than was expected");
    }
    let satisfied = |wish: &String| acr::satisfies(wish, &sign_on.authentication);
    if asking.request.acr_is_essential() && !asking.request.acr_values.iter().any(satisfied) {
        let text = "the essential acr claim is not satisfied";
        return refuse(ErrorCode::UnmetAuthenticationRequirements, text);
    }
    // Who signed in may be somebody else than who was there when it was asked what is missing.
    if !taken.consented
        && let Some(consent) = asking.missing_consent(&user).await?
    {
        return asking.ask_consent(consent).await;
    }
    asking.grant(&sign_on, &user, taken.consented).await
}
