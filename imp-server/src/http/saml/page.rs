//! The two pages: one that carries a response to the application, one that says why there is none.
use std::sync::LazyLock;

use askama::Template as _;
use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use data_encoding::BASE64;
use imp_saml::AuthnRequest;

use crate::http::{ProblemResponse, problem};

const SCRIPT: &str = "document.forms[0].submit()";

/// One script is run. Where the form goes is not limited: browsers hold the limit against the redirects that follow, too, and
/// where those lead is the application's affair. The address itself is one that is registered.
static SECURITY_POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = BASE64.encode(digest(&SHA256, SCRIPT.as_bytes()).as_ref());
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'"
    );
    HeaderValue::from_str(&policy).ok()
});

#[derive(askama::Template)]
#[template(path = "saml_post.html")]
struct Post<'a> {
    consumer: &'a str,
    response: &'a str,
    relay_state: Option<&'a str>,
    script: &'static str,
}

#[derive(askama::Template)]
#[template(path = "saml_refused.html")]
struct Refused<'a> {
    reason: &'a str,
}

/// Carries a response to the address that the request names (saml-bindings-2.0-os §3.5).
pub(super) fn post(request: &AuthnRequest, response: &str) -> Result<Response, ProblemResponse> {
    let page = Post {
        consumer: &request.consumer,
        response: &BASE64.encode(response.as_bytes()),
        relay_state: request.relay_state.as_deref(),
        script: SCRIPT,
    };
    let html = page.render().map_err(|error| problem::internal(&error))?;
    Ok(guarded(StatusCode::OK, html))
}

/// Says to the person why she is not signed on. Nobody else is told: no address can be trusted.
pub(super) fn refused(reason: &str) -> Result<Response, ProblemResponse> {
    let html = Refused { reason }.render().map_err(|error| problem::internal(&error))?;
    Ok(guarded(StatusCode::BAD_REQUEST, html))
}

fn guarded(status: StatusCode, html: String) -> Response {
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(policy) = SECURITY_POLICY.clone() {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
