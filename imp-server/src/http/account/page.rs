//! `GET /account`
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use imp_identity::credential::{Credential, CredentialKind};
use imp_identity::sign_on::SignOn;
use imp_identity::{CredentialId, InteractionId, SignOnId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::applications::{self, ApplicationLine};
use super::{Holder, Reach};
use crate::app::{self, App};
use crate::command::{self, InteractionError, NewInteraction};
use crate::http::sign_in::cookie::{self, BrowserSignOn};
use crate::http::sign_in::language::spoken;
use crate::http::sign_in::text::Text;
use crate::http::sign_in::{html, page as sign_in_page};
use crate::http::{ProblemResponse, Query, problem};

/// Where the interaction goes on.
pub(crate) const HERE: &str = "/account";

/// Where she comes from.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(crate) struct From {
    /// The sign-in that this page began.
    #[param(value_type = Option<Uuid>)]
    interaction: Option<InteractionId>,
    /// The sign-in that goes on when she has registered a passkey.
    #[param(value_type = Option<Uuid>)]
    then: Option<InteractionId>,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    t: &'static Text,
    name: &'a str,
    /// She came with a code.
    only_register: bool,
    then: Option<InteractionId>,
    credentials: Vec<CredentialLine>,
    sign_ons: Vec<SignOnLine>,
    applications: Vec<ApplicationLine>,
}

struct CredentialLine {
    id: CredentialId,
    name: String,
    kind: &'static str,
    attested: bool,
    added: String,
    used: String,
}

struct SignOnLine {
    id: SignOnId,
    since: String,
    by: &'static str,
    used: String,
    this: bool,
}

/// Shows a person her passkeys and where she is signed in, after she has proved who she is.
#[utoipa::path(
    get, path = "/account", tag = "pages", operation_id = "account", params(From),
    responses(
        (status = 200, description = "a page", content_type = "text/html", body = String),
        (status = 303, description = "to sign in first"),
        (status = 400, description = "the sign-in is over", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn show(
    State(app): State<App>,
    BrowserSignOn(browser): BrowserSignOn,
    headers: HeaderMap,
    Query(From { interaction, then }): Query<From>,
) -> Result<Response, ProblemResponse> {
    if let Some(interaction) = interaction {
        return returned(&app, &headers, interaction).await;
    }
    match Holder::of(browser, app.now()) {
        Some(holder) => page(&app, &holder, then).await,
        None => sign_in_first(&app).await,
    }
}

/// Back from the sign-in: the page is loaded again, with what it brought.
async fn returned(
    app: &App,
    headers: &HeaderMap,
    id: InteractionId,
) -> Result<Response, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let binding = cookie::binding(headers, id).unwrap_or_default();
    let failed = match command::take_interaction(context, id, binding, HERE).await {
        Ok(taken) => taken.failed.is_some(),
        Err(InteractionError::Storage(error)) => return Err(problem::unread(error)),
        Err(_) => true,
    };
    let mut response = if failed {
        sign_in_page::over(app)?
    } else {
        (StatusCode::SEE_OTHER, [(header::LOCATION, HERE)]).into_response()
    };
    response.headers_mut().append(header::SET_COOKIE, cookie::forget_interaction(id));
    Ok(response)
}

async fn sign_in_first(app: &App) -> Result<Response, ProblemResponse> {
    let new = NewInteraction {
        continue_at: HERE,
        request: String::new(),
        requirements: super::requirements()?,
    };
    let mut rng = app::rng();
    let opened = command::open_interaction(&mut app.context(&mut rng), new).await;
    let (id, secret) = opened.map_err(problem::unread)?;
    let next = format!("/sign-in?interaction={id}");
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, next)]).into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie::interaction(id, &secret));
    Ok(response)
}

async fn page(
    app: &App,
    holder: &Holder,
    then: Option<InteractionId>,
) -> Result<Response, ProblemResponse> {
    let policy = command::current_policy(&app.storage).await.map_err(problem::unread)?;
    let zone = TimeZone::get(&policy.time_zone).unwrap_or(TimeZone::UTC);
    let user = holder.user.id;
    let credentials = command::credentials_of_user(&app.storage, user).await;
    let sign_ons = command::sign_ons_of_user(&app.storage, user, app.now()).await;
    let sign_ons = sign_ons.map_err(problem::unread)?;
    let applications = applications::lines(app, user, &zone).await.map_err(problem::unread)?;
    let page = AccountPage {
        t: spoken(),
        name: holder.user.display_name.as_str(),
        only_register: holder.reach == Reach::Register,
        then,
        credentials: credentials
            .map_err(problem::unread)?
            .iter()
            .map(|credential| credential_line(credential, &zone))
            .collect(),
        sign_ons: sign_ons.iter().map(|one| sign_on_line(one, holder, &zone)).collect(),
        applications,
    };
    html::page(app, StatusCode::OK, &page)
}

fn credential_line(credential: &Credential, zone: &TimeZone) -> CredentialLine {
    CredentialLine {
        id: credential.id,
        name: credential.name.to_string(),
        kind: match credential.kind {
            CredentialKind::Passkey => spoken().kind_passkey,
            CredentialKind::SecurityKey => spoken().kind_security_key,
        },
        attested: credential.attested,
        added: wall_clock(credential.registered_at, zone),
        used: credential
            .used_at
            .map_or_else(|| spoken().never_used.to_owned(), |at| wall_clock(at, zone)),
    }
}

fn sign_on_line(sign_on: &SignOn, holder: &Holder, zone: &TimeZone) -> SignOnLine {
    SignOnLine {
        id: sign_on.id,
        since: wall_clock(sign_on.opened_at, zone),
        by: if sign_on.session.is_some() { spoken().by_desktop } else { spoken().by_own },
        used: wall_clock(sign_on.last_used_at, zone),
        this: sign_on.id == holder.sign_on.id,
    }
}

/// The date and the minute, by the hospital's clock.
pub(crate) fn wall_clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}
