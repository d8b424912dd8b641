//! `GET` and `POST /sign-out`
use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use imp_identity::Actor;
use imp_identity::sign_on::SignOnEnd;

use super::cookie::{self, BrowserSignOn};
use super::html;
use super::language::spoken;
use super::origin::OwnPage;
use super::text::Text;
use crate::app::{self, App};
use crate::command;
use crate::http::saml::leaving;
use crate::http::{ProblemResponse, problem};

#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOutPage<'a> {
    t: &'static Text,
    name: &'a str,
}

/// Asks whether she wants to sign out: a link alone must not do it.
#[utoipa::path(
    get, path = "/sign-out", tag = "pages", operation_id = "sign_out_page",
    responses((status = 200, description = "a page", content_type = "text/html", body = String))
)]
pub(crate) async fn show(
    State(app): State<App>,
    BrowserSignOn(browser): BrowserSignOn,
) -> Result<Response, ProblemResponse> {
    match browser {
        Some((_, user)) => {
            let page = SignOutPage { t: spoken(), name: user.display_name.as_str() };
            html::page(&app, StatusCode::OK, &page)
        }
        None => signed_out(&app),
    }
}

/// Signs the browser out, and tells its applications.
#[utoipa::path(
    post, path = "/sign-out", tag = "pages", operation_id = "sign_out",
    responses(
        (status = 200, description = "a page", content_type = "text/html", body = String),
        (status = 403, description = "not asked by a page of ours", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn sign_out(
    State(app): State<App>,
    _own: OwnPage,
    BrowserSignOn(browser): BrowserSignOn,
) -> Result<Response, ProblemResponse> {
    if let Some((sign_on, user)) = browser {
        let id = sign_on.id;
        let mut rng = app::rng();
        let context = &mut app.context(&mut rng);
        let (actor, reason) = (Actor::User(user.id), SignOnEnd::SignedOut);
        let ended = command::end_sign_on(context, &actor, sign_on.id, reason).await;
        ended.map_err(problem::unread)?;
        if let Some(led) = leaving::lead(&app, id, Some("/sign-out")).await? {
            return go_on(&app, &led);
        }
    }
    signed_out(&app)
}

/// By a page, not by a redirection: see [`html::Continue`].
fn go_on(app: &App, led: &Response) -> Result<Response, ProblemResponse> {
    let next = led.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    let page = html::Continue { t: spoken(), next: next.unwrap_or("/sign-out") };
    let mut response = html::page(app, StatusCode::OK, &page)?;
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, cookie::forget_sign_on());
    for cookie in led.headers().get_all(header::SET_COOKIE) {
        headers.append(header::SET_COOKIE, cookie.clone());
    }
    Ok(response)
}

/// Says so; the cookie goes, whether it counted or not.
pub(crate) fn signed_out(app: &App) -> Result<Response, ProblemResponse> {
    let said = (spoken().signed_out, spoken().signed_out_why);
    let mut response = html::message(app, StatusCode::OK, said)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie::forget_sign_on());
    Ok(response)
}
