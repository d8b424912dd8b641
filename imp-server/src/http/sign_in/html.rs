//! What is common to the pages.
use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};

use super::language::spoken;
use super::text::Text;
use crate::app::App;
use crate::http::{ProblemResponse, problem};

/// A page that says one thing.
#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct Message {
    pub(crate) t: &'static Text,
    pub(crate) title: &'static str,
    pub(crate) body: &'static str,
}

/// A page that goes on by itself. A redirection would not do after a form: browsers hold the whole chain to `form-action`
/// (CSP3 §6.4.2), and the application at its end is not ours.
#[derive(Template)]
#[template(path = "continue.html")]
pub(crate) struct Continue<'a> {
    pub(crate) t: &'static Text,
    pub(crate) next: &'a str,
}

/// Writes a page. Scripts and styles come from here alone, without any in the page; its scripts ask this server and the
/// agent on their own computer, and nobody frames it.
pub(crate) fn page(
    app: &App,
    status: StatusCode,
    page: &impl Template,
) -> Result<Response, ProblemResponse> {
    let text = page.render().map_err(|error| problem::internal(&error))?;
    let mut response = (status, Html(text)).into_response();
    let broker = broker(app).map_or_else(String::new, |broker| format!(" {broker}"));
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{broker}; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    let headers = response.headers_mut();
    let policy = HeaderValue::try_from(policy).map_err(|error| problem::internal(&error))?;
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    // Our own forms say where they come from; other sites learn nothing.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), \
             microphone=(), geolocation=()",
        ),
    );
    Ok(response)
}

/// A page that says one thing.
pub(crate) fn message(
    app: &App,
    status: StatusCode,
    (title, body): (&'static str, &'static str),
) -> Result<Response, ProblemResponse> {
    page(app, status, &Message { t: spoken(), title, body })
}

/// A page that goes on to a path of ours.
pub(crate) fn go_on(app: &App, next: &str) -> Result<Response, ProblemResponse> {
    page(app, StatusCode::OK, &Continue { t: spoken(), next })
}

/// Where the agent of the computer that the browser stands on listens, if there is one.
pub(crate) fn broker(app: &App) -> Option<String> {
    let port = app.config.sign_on.broker_port;
    (port != 0).then(|| format!("http://127.0.0.1:{port}"))
}
