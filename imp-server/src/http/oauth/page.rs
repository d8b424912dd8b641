//! Pages that people see between an application and the sign-in: nothing is loaded, and no script runs but the one line that
//! sends a form on.
use std::sync::LazyLock;

use askama::Template as _;
use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use data_encoding::BASE64;
use imp_oauth::authorize::{AuthorizationResponse, ResponseMode};
use imp_oauth::{Form, OAuthError};

use super::refused::{Refused, failed};

const STYLE: &str = "body{font:1.125rem/1.5 system-ui,sans-serif;margin:1rem;color:#111;background:#fff}\
    main{max-width:32rem;margin:2rem auto}button,input{font:inherit;padding:.5rem 1rem;min-height:2.75rem;margin:.25rem 0}\
    .said{border:2px solid #111;padding:.75rem}code{overflow-wrap:anywhere}";

const SCRIPT: &str = "document.forms[0].submit()";

fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64.encode(digest(&SHA256, text.as_bytes()).as_ref()))
}

/// Where forms go is left open: browsers apply it to redirections that follow, too, and these lead to applications.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    HeaderValue::try_from(format!(
        "default-src 'none'; style-src {}; script-src {}; frame-ancestors 'none'; base-uri 'none'",
        hash(STYLE),
        hash(SCRIPT)
    ))
    .ok()
});

#[derive(askama::Template)]
#[template(path = "oauth_refused.html")]
struct RefusedPage<'a> {
    style: &'static str,
    code: &'a str,
    description: &'a str,
}

#[derive(askama::Template)]
#[template(path = "oauth_post.html")]
struct PostPage<'a> {
    style: &'static str,
    script: &'static str,
    to: &'a str,
    parameters: &'a [(&'static str, String)],
}

#[derive(askama::Template)]
#[template(path = "oauth_logout.html")]
struct LogoutPage<'a> {
    style: &'static str,
    /// Who is signed on.
    name: Option<&'a str>,
    /// What is confirmed, and its proof that this page asked.
    confirmation: Option<&'a str>,
}

#[derive(askama::Template)]
#[template(path = "oauth_device.html")]
struct DevicePage<'a> {
    style: &'static str,
    /// What is said first.
    said: Option<&'a str>,
    code: &'a str,
    ask: bool,
}

/// Why there is nothing to go on with.
pub(super) fn refused(status: StatusCode, error: &OAuthError) -> Response {
    let (code, description) = (error.code.code(), &*error.description);
    page(status, RefusedPage { style: STYLE, code, description }.render())
}

/// What went wrong on a page.
#[expect(clippy::needless_pass_by_value, reason = "it is the end of every refusal")]
pub(super) fn refused_with(refused: Refused) -> Response {
    let status = StatusCode::from_u16(refused.error.code.status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // A challenge is for applications: a browser would ask for a password.
    let status = if status == StatusCode::UNAUTHORIZED { StatusCode::BAD_REQUEST } else { status };
    self::refused(status, &refused.error)
}

/// Sends the browser back to the application.
pub(super) fn send(answer: &AuthorizationResponse) -> Response {
    match answer.mode {
        ResponseMode::Query => see_other(&answer.location()),
        ResponseMode::FormPost => {
            let (to, parameters) = (&*answer.redirect_uri, &*answer.parameters);
            page(StatusCode::OK, PostPage { style: STYLE, script: SCRIPT, to, parameters }.render())
        }
    }
}

/// Sends the browser elsewhere (RFC 9700 §4.12: 303, never with what was posted).
pub(super) fn see_other(location: &str) -> Response {
    match HeaderValue::try_from(location) {
        Ok(location) => {
            let headers = [
                (header::LOCATION, location),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        Err(error) => refused_with(failed(&error, false)),
    }
}

/// Parameters as a query.
pub(super) fn query_of(form: &Form) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(form.pairs()).finish()
}

/// Asks whether to sign out, or says that it is done.
pub(super) fn logout(name: Option<&str>, confirmation: Option<&str>) -> Response {
    page(StatusCode::OK, LogoutPage { style: STYLE, name, confirmation }.render())
}

/// Asks for a device's code, or says what came of it.
pub(super) fn device(said: Option<&str>, code: &str, ask: bool) -> Response {
    page(StatusCode::OK, DevicePage { style: STYLE, said, code, ask }.render())
}

fn page(status: StatusCode, text: Result<String, askama::Error>) -> Response {
    let text = match text {
        Ok(text) => text,
        Err(error) => return failed(&error, false).into_response(),
    };
    let mut response = (status, Html(text)).into_response();
    let headers = response.headers_mut();
    if let Some(policy) = POLICY.clone() {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // With `no-referrer` browsers would not say where a form comes from (Fetch: `Origin: null`).
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
