//! `GET` and `POST /oauth/logout` (OpenID Connect RP-Initiated Logout 1.0)
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use imp_identity::sign_on::{SignOn, SignOnEnd};
use imp_identity::user::User;
use imp_identity::{Actor, ClientId, SignOnId};
use imp_oauth::logout::LogoutRequest;
use imp_oauth::tokens::{IdClaims, verify_hint};
use imp_oauth::{Form, OAuthError};
use imp_storage::StorageError;

use super::body::{FormBody, query};
use super::page;
use super::refused::Refused;
use crate::app::{self, App};
use crate::command;
use crate::http::saml::leaving;
use crate::http::sign_in::cookie::{self, BrowserSignOn};

/// Signs this browser out of every application, as one of them asks. Without a proof that it is about this sign-on the user
/// is asked first: else any page could sign her out.
#[utoipa::path(
    get, path = "/oauth/logout", tag = "oauth", operation_id = "logout",
    responses(
        (status = 200, description = "a page that asks, or says that it is done", content_type = "text/html", body = String),
        (status = 303, description = "done: to the application"),
        (status = 400, description = "a page says why not", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn ask(State(app): State<App>, uri: Uri, browser: BrowserSignOn) -> Response {
    match query(&uri) {
        Ok(form) => respond(&app, &form, browser).await,
        Err(error) => page::refused(StatusCode::BAD_REQUEST, &error),
    }
}

/// The user's answer; and the same as `GET` for applications that post.
#[utoipa::path(
    post, path = "/oauth/logout", tag = "oauth", operation_id = "logout_by_form",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "a page that asks, or says that it is done", content_type = "text/html", body = String),
        (status = 303, description = "done: to the application; or ask again with GET"),
        (status = 400, description = "a page says why not", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn confirm(
    State(app): State<App>,
    uri: Uri,
    browser: BrowserSignOn,
    FormBody(form): FormBody,
) -> Response {
    if form.get("confirmation").is_some() {
        // The page that asks posts to its own address, which holds what the application asked.
        return match query(&uri) {
            Ok(asked) => confirmed(&app, &asked, &form, browser).await,
            Err(error) => page::refused(StatusCode::BAD_REQUEST, &error),
        };
    }
    // From another site the browser shows no cookie with POST (`SameSite=Lax`), but with GET.
    page::see_other(&format!("/oauth/logout?{}", page::query_of(&form)))
}

/// What an application asks.
struct Asked {
    hint: Option<IdClaims>,
    /// Whose ID token the hint is.
    client: Option<ClientId>,
    /// Where the browser goes afterwards.
    target: Option<String>,
}

async fn read(app: &App, form: &Form) -> Result<Asked, Refused> {
    let request = LogoutRequest::parse(form)?;
    let hint = match &request.id_token_hint {
        None => None,
        Some(token) => {
            let keys = app.oauth.keys(&app.storage).await?;
            let hint = verify_hint(token.expose(), &keys, app.oauth.issuer());
            Some(hint.map_err(|error| OAuthError::request(format!("id_token_hint: {error}")))?)
        }
    };
    let id = request.client(hint.as_ref())?;
    let client = match id {
        Some(id) => app.oauth.client(&app.storage, id).await?,
        None => None,
    };
    let target = request.target(client.as_ref().map(|client| &client.metadata))?;
    Ok(Asked { hint, client: id, target })
}

/// Whether the application that asks means this very sign-on.
fn is_certain(app: &App, asked: &Asked, sign_on: SignOnId) -> bool {
    asked.client.is_some_and(|client| {
        LogoutRequest::is_certain(asked.hint.as_ref(), &app.oauth.session(sign_on, client))
    })
}

async fn respond(app: &App, form: &Form, BrowserSignOn(browser): BrowserSignOn) -> Response {
    let asked = match read(app, form).await {
        Ok(asked) => asked,
        Err(refused) => return page::refused_with(refused),
    };
    match browser {
        None => done(asked.target.as_deref()),
        Some((sign_on, _)) if is_certain(app, &asked, sign_on.id) => {
            sign_out(app, &sign_on, asked.target.as_deref()).await
        }
        Some((sign_on, user)) => {
            page::logout(Some(user.display_name.as_str()), Some(&confirmation(app, sign_on.id)))
        }
    }
}

async fn confirmed(
    app: &App,
    asked: &Form,
    answer: &Form,
    BrowserSignOn(browser): BrowserSignOn,
) -> Response {
    let asked = match read(app, asked).await {
        Ok(asked) => asked,
        Err(refused) => return page::refused_with(refused),
    };
    let Some((sign_on, user)) = browser else { return done(asked.target.as_deref()) };
    if !is_ours(app, &sign_on, answer.get("confirmation").unwrap_or_default()) {
        let error = OAuthError::request("the answer does not come from the page that asked");
        return page::refused(StatusCode::BAD_REQUEST, &error);
    }
    if answer.get("answer") == Some("yes") {
        sign_out(app, &sign_on, asked.target.as_deref()).await
    } else {
        stay(&user)
    }
}

fn stay(user: &User) -> Response {
    page::logout(Some(user.display_name.as_str()), None)
}

async fn sign_out(app: &App, sign_on: &SignOn, target: Option<&str>) -> Response {
    let ended = end(app, sign_on).await;
    if let Err(error) = ended {
        return page::refused_with(error.into());
    }
    let mut response = match leaving::lead(app, sign_on.id, target).await {
        Ok(Some(led)) => led,
        Ok(None) => done(target),
        Err(problem) => problem.into_response(),
    };
    response.headers_mut().append(header::SET_COOKIE, cookie::forget_sign_on());
    response
}

async fn end(app: &App, sign_on: &SignOn) -> Result<(), StorageError> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let (actor, reason) = (Actor::User(sign_on.user), SignOnEnd::SignedOut);
    command::end_sign_on(context, &actor, sign_on.id, reason).await.map(drop)
}

fn done(target: Option<&str>) -> Response {
    target.map_or_else(|| page::logout(None, None), page::see_other)
}

/// What only the page that asks this browser knows: another page cannot post it (CSRF).
fn confirmation(app: &App, sign_on: SignOnId) -> String {
    app.oauth.confirmation(&[b"logout", sign_on.as_uuid().as_bytes()])
}

fn is_ours(app: &App, sign_on: &SignOn, shown: &str) -> bool {
    let expected = confirmation(app, sign_on.id);
    verify_slices_are_equal(shown.as_bytes(), expected.as_bytes()).is_ok()
}
