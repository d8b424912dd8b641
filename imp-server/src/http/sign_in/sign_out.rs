//! `GET` and `POST /sign-out`
use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use imp_identity::Actor;
use imp_identity::sign_on::SignOnEnd;

use super::cookie::{self, BrowserSignOn};
use super::html;
use super::origin::OwnPage;
use super::text::{ENGLISH, Text};
use crate::app::{self, App};
use crate::command;
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
            let page = SignOutPage { t: &ENGLISH, name: user.display_name.as_str() };
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
        let mut rng = app::rng();
        let context = &mut app.context(&mut rng);
        let (actor, reason) = (Actor::User(user.id), SignOnEnd::SignedOut);
        let ended = command::end_sign_on(context, &actor, sign_on.id, reason).await;
        ended.map_err(problem::unread)?;
    }
    signed_out(&app)
}

/// Says so; the cookie goes, whether it counted or not.
pub(crate) fn signed_out(app: &App) -> Result<Response, ProblemResponse> {
    let said = (ENGLISH.signed_out, ENGLISH.signed_out_why);
    let mut response = html::message(app, StatusCode::OK, said)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie::forget_sign_on());
    Ok(response)
}
