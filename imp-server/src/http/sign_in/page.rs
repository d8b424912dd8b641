//! `GET /sign-in`
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use imp_identity::InteractionId;
use imp_identity::name::Username;
use imp_identity::sign_on::{SignOn, answers};
use imp_identity::user::User;
use imp_oauth::authorize::AuthorizationRequest;
use imp_oauth::scope::OFFLINE_ACCESS;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::cookie::{self, BrowserSignOn};
use super::language::{self, spoken};
use super::text::{LANGUAGES, Text};
use super::{answer, html};
use crate::app::{self, App};
use crate::command::{self, Interaction, InteractionAnswer, InteractionError};
use crate::http::account::page::{HERE, wall_clock};
use crate::http::oauth::authorize::CONTINUE;
use crate::http::{ProblemResponse, Query, problem};

/// Which sign-in.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(crate) struct Which {
    /// What an application, or a page of ours, began.
    #[param(value_type = Uuid)]
    pub(crate) interaction: InteractionId,
    /// The languages that the pages should speak from now on, the dearest first (BCP 47); those that they do not speak are
    /// passed over.
    #[serde(default)]
    pub(crate) ui_locales: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    t: &'static Text,
    interaction: InteractionId,
    application: &'a str,
    broker: Option<String>,
    /// Who is signed on, but not as the application requires.
    known: Option<&'a str>,
    /// She proved herself for this, and it does not suffice.
    more_needed: bool,
    /// Whom the application expects, as it says: nobody looks whether there is such a person.
    hint: Option<&'a str>,
    codes: bool,
    phones: bool,
    others: Vec<&'static Text>,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    t: &'static Text,
    interaction: InteractionId,
    application: &'a str,
    name: &'a str,
    /// The code of the device that will act in her name, if it is one.
    device: Option<&'a str>,
    asked: Vec<String>,
    /// Where the answer goes: the host of the application's own page, or its scheme.
    place: Option<String>,
    /// Until when what she agrees to counts.
    until: String,
}

/// Goes on where the browser is signed on as required; else shows how to sign in, or asks whether she agrees.
#[utoipa::path(
    get, path = "/sign-in", tag = "pages", operation_id = "sign_in_page", params(Which),
    responses(
        (status = 200, description = "a page", content_type = "text/html", body = String),
        (status = 303, description = "nothing is to be asked: back to where it began"),
        (status = 400, description = "the sign-in is over, or of another browser", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all, fields(interaction.id = %which.interaction))]
pub(crate) async fn show(
    State(app): State<App>,
    BrowserSignOn(browser): BrowserSignOn,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Response, ProblemResponse> {
    let Some(chosen) = language::choose(which.ui_locales.as_deref()) else {
        return shown(&app, browser, &headers, &which).await;
    };
    let mut response = language::speaking(chosen, shown(&app, browser, &headers, &which)).await?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(chosen.language));
    headers.append(header::SET_COOKIE, cookie::speaks(chosen.language));
    Ok(response)
}

async fn shown(
    app: &App,
    browser: Option<(SignOn, User)>,
    headers: &HeaderMap,
    which: &Which,
) -> Result<Response, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let binding = cookie::binding(headers, which.interaction);
    let asked = match command::find_interaction(context, which.interaction, binding).await {
        Ok(asked) => asked,
        Err(InteractionError::Storage(error)) => return Err(problem::unread(error)),
        Err(_) => return over(app),
    };
    if asked.failure.is_some() {
        return Ok(back(&asked));
    }
    let now = app.now();
    let enough = browser.as_ref().filter(|(sign_on, _)| {
        answers(&asked.requirements, &sign_on.authentication, asked.asked_at, now)
    });
    let Some((sign_on, user)) = enough else {
        let known = browser.as_ref().map(|(_, user)| user.display_name.as_str());
        let proved = browser
            .as_ref()
            .is_some_and(|(sign_on, _)| sign_on.authentication.at >= asked.asked_at);
        return choices(app, &asked, known, proved).await;
    };
    command::answer_interaction(context, asked.id, InteractionAnswer::SignOn(sign_on)).await?;
    match &asked.requirements.consent {
        Some(wanted) if !asked.consented => consent(app, &asked, wanted, (sign_on, user)).await,
        Some(_) | None => Ok(back(&asked)),
    }
}

async fn consent(
    app: &App,
    asked: &Interaction,
    wanted: &[String],
    (sign_on, user): (&SignOn, &User),
) -> Result<Response, ProblemResponse> {
    let policy = command::current_policy(&app.storage).await.map_err(problem::unread)?;
    let zone = TimeZone::get(&policy.time_zone).unwrap_or(TimeZone::UTC);
    let device = wanted.iter().find_map(|one| one.strip_prefix(DEVICE));
    let offline = wanted.iter().any(|scope| scope == OFFLINE_ACCESS);
    let latest = app.now() + app.config.oauth.longest_grant(offline);
    // A device is not in this browser: what it is granted does not end with the sign-on.
    let until = if offline || device.is_some() { latest } else { latest.min(sign_on.expires_at) };
    let page = ConsentPage {
        t: spoken(),
        interaction: asked.id,
        application: application(asked),
        name: user.display_name.as_str(),
        device,
        asked: wanted.iter().filter_map(|one| sentence(one)).collect(),
        place: place(asked),
        until: wall_clock(until, &zone),
    };
    html::page(app, StatusCode::OK, &page)
}

/// Where an application's answer goes. Its name is what it says of itself; this is what it was registered for.
fn place(asked: &Interaction) -> Option<String> {
    if asked.continue_at != CONTINUE {
        return None;
    }
    let request: AuthorizationRequest = serde_json::from_str(&asked.request).ok()?;
    let uri = url::Url::parse(&request.redirect_uri).ok()?;
    Some(uri.host_str().map_or_else(|| uri.scheme().to_owned(), str::to_owned))
}

async fn choices(
    app: &App,
    asked: &Interaction,
    known: Option<&str>,
    proved: bool,
) -> Result<Response, ProblemResponse> {
    let policy = command::current_policy(&app.storage).await;
    let policy = policy.map_err(problem::unread)?.sign_on;
    let page = SignInPage {
        t: spoken(),
        interaction: asked.id,
        application: application(asked),
        broker: html::broker(app),
        known,
        more_needed: proved,
        hint: asked.requirements.hint.as_ref().map(Username::as_str),
        codes: policy.codes,
        phones: policy.phones && !asked.requirements.phishing_resistant,
        others: LANGUAGES.into_iter().filter(|text| text.language != spoken().language).collect(),
    };
    html::page(app, StatusCode::OK, &page)
}

/// What the application is called: our own page in the language that is spoken now, whatever was spoken when it asked.
fn application(asked: &Interaction) -> &str {
    if asked.continue_at == HERE {
        spoken().account
    } else {
        asked.requirements.client_name.as_str()
    }
}

/// Before the code of a device, among what she is asked to agree to.
pub(crate) const DEVICE: &str = "device:";

/// What a scope means to a person; others are shown as they are.
pub(crate) fn sentence(scope: &str) -> Option<String> {
    let known = match scope {
        "openid" => spoken().scope_openid,
        "profile" => spoken().scope_profile,
        "email" => spoken().scope_email,
        "groups" => spoken().scope_groups,
        "offline_access" => spoken().scope_offline,
        "imp" => spoken().scope_imp,
        device if device.starts_with(DEVICE) => return None,
        other => return Some(format!("{} {other}", spoken().scope_other)),
    };
    Some(known.to_owned())
}

/// A page for whoever cannot go on.
pub(crate) fn over(app: &App) -> Result<Response, ProblemResponse> {
    html::message(app, StatusCode::BAD_REQUEST, (spoken().over, spoken().over_why))
}

fn back(asked: &Interaction) -> Response {
    let next = format!("{}?interaction={}", asked.continue_at, asked.id);
    (StatusCode::SEE_OTHER, [(header::LOCATION, next)]).into_response()
}

/// Where a form goes after its answer.
pub(crate) fn after(app: &App, interaction: InteractionId) -> Result<Response, ProblemResponse> {
    html::go_on(app, &answer::page_of(interaction))
}
