//! Enrolment over Secure Transport (EST, RFC 7030), at a listener of its own. EST has its own words for errors: HTTP's status
//! codes, and a line of text for people.
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use imp_authenticator::tls::Newcomer;
use imp_identity::Digest;
use imp_pki::CertificateRequest;
use imp_pki::est::{self, Operation};
use imp_service::http::{Bounds, protected};

use super::limits::{self, Limit};
use super::settle::settle;
use crate::app::App;
use crate::config::seconds;

mod caller;
mod enrol;
mod refusal;

use caller::{Shown, who};
use refusal::Refused;

/// What a PKCS#7 list of certificates is called (RFC 7030 §4.1.3).
const CERTS_ONLY: &str = "application/pkcs7-mime; smime-type=certs-only";
/// What a request is called (RFC 7030 §4.2.1).
const PKCS10: &str = "application/pkcs10";

/// Who is at the other end of the connection, and the certificate that was shown. The listener puts it in each request.
#[derive(Clone, Debug)]
pub(crate) struct NewcomerPeer {
    pub(crate) newcomer: Newcomer,
    /// In DER.
    pub(crate) certificate: Vec<u8>,
}

/// EST's routes, with and without a label. The label names a profile of certificates.
pub(crate) fn router(app: App) -> Router {
    let bounds = Bounds { body: est::LARGEST, time: seconds(app.config.http.request_seconds) };
    let settled = from_fn_with_state(app.storage.clone(), settle);
    let router = Router::new()
        .route("/.well-known/est/{operation}", any(without_label))
        .route("/.well-known/est/{label}/{operation}", any(with_label))
        .layer(DefaultBodyLimit::max(est::LARGEST))
        .layer(settled)
        .with_state(app);
    protected(router, bounds)
}

/// What is asked for, and what was shown with it.
struct Asked {
    label: Option<String>,
    shown: Shown,
    body: Bytes,
}

async fn without_label(
    State(app): State<App>,
    Path(operation): Path<String>,
    request: Request,
) -> Response {
    serve(app, None, &operation, request).await
}

async fn with_label(
    State(app): State<App>,
    Path((label, operation)): Path<(String, String)>,
    request: Request,
) -> Response {
    serve(app, Some(label), &operation, request).await
}

async fn serve(app: App, label: Option<String>, operation: &str, request: Request) -> Response {
    let Ok(operation) = operation.parse::<Operation>() else {
        return (StatusCode::NOT_FOUND, "EST has no such operation.\n").into_response();
    };
    let (parts, body) = request.into_parts();
    let shown = Shown::of(&parts);
    match operation {
        Operation::CaCerts if parts.method == Method::GET => return authorities(&app),
        Operation::CsrAttrs if parts.method == Method::GET => {
            return attributes(&app, &shown).await;
        }
        Operation::FullCmc => {
            return not_offered("Full CMC is not offered: use simpleenroll.\n");
        }
        Operation::ServerKeyGen => {
            return not_offered("No key is made here: make one where it is used.\n");
        }
        Operation::SimpleEnroll | Operation::SimpleReenroll if parts.method == Method::POST => {}
        Operation::CaCerts
        | Operation::CsrAttrs
        | Operation::SimpleEnroll
        | Operation::SimpleReenroll => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
    // A machine of ours fails for itself: its neighbours renew all the while.
    let machine = shown.machine();
    let from = limits::neighbourhood(&parts);
    let admitted = match &machine {
        Some(machine) => app.limits.may_try(machine, &parts, app.now()),
        None => app.limits.before(Limit::Failures, from, app.now()),
    };
    if let Err(wait) = admitted {
        return too_many(wait.0.as_secs());
    }
    let headers = parts.headers.clone();
    let response = match enrol(&app, (label, shown), operation, headers, body).await {
        Ok(response) => response,
        Err(refused) => {
            refused.record(&app, from).await;
            refused.answer()
        }
    };
    match &machine {
        Some(machine) if response.status().is_client_error() => {
            app.limits.failed(machine, &parts, app.now());
        }
        Some(_) => {}
        None => app.limits.after(Limit::Failures, from, response.status()),
    }
    response
}

async fn enrol(
    app: &App,
    (label, shown): (Option<String>, Shown),
    operation: Operation,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Response, Refused> {
    if !is_pkcs10(&headers) {
        return Err(Refused::unread(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-pkcs10"));
    }
    let body = axum::body::to_bytes(body, est::LARGEST).await;
    let body =
        body.map_err(|_| Refused::unread(StatusCode::PAYLOAD_TOO_LARGE, "request-too-large"))?;
    let asked = Asked { label, shown, body };
    enrol::enrol(app, operation, asked).await
}

fn is_pkcs10(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(PKCS10))
}

/// The request in a body, whose signature verifies.
fn read(body: &[u8]) -> Result<CertificateRequest, Refused> {
    let der = est::decode(body)
        .map_err(|error| Refused::said(StatusCode::BAD_REQUEST, "request-malformed", &error))?;
    let request = CertificateRequest::verify_device(&der)
        .map_err(|error| Refused::said(StatusCode::BAD_REQUEST, "request-malformed", &error))?;
    if request.asked().challenge_password.is_some() {
        // RFC 7030 §3.5: what is there must be verified. TLS 1.3 has no tls-unique (RFC 8446 §C.5).
        return Err(Refused::unread(StatusCode::BAD_REQUEST, "linking-unverifiable"));
    }
    Ok(request)
}

/// What a one-time code is bound to.
fn key_of(request: &CertificateRequest) -> Digest {
    Digest::of(&[request.public_key().as_spki()])
}

/// The authorities: roots, issuing ones, and the bridges between old and new (RFC 7030 §4.1.3).
fn authorities(app: &App) -> Response {
    let all = app.keys.published();
    message(CERTS_ONLY, &est::certs_only(all.iter().map(Vec::as_slice)))
}

/// What a request should hold: of a machine that is known, with the names that it may have.
async fn attributes(app: &App, shown: &Shown) -> Response {
    let names = match who(app, shown).await {
        Ok(Some(device)) => device.names,
        Ok(None) | Err(_) => vec![],
    };
    message("application/csrattrs", &est::csr_attributes(&names))
}

fn not_offered(said: &'static str) -> Response {
    (StatusCode::NOT_IMPLEMENTED, said).into_response()
}

fn too_many(seconds: i64) -> Response {
    let wait = [(header::RETRY_AFTER, HeaderValue::from(seconds.saturating_add(1)))];
    (StatusCode::TOO_MANY_REQUESTS, wait, "Too many attempts from here.\n").into_response()
}

/// An answer of DER in Base64.
fn message(kind: &'static str, der: &[u8]) -> Response {
    let encoding = (header::HeaderName::from_static("content-transfer-encoding"), "base64");
    let heads = [(header::CONTENT_TYPE, kind), encoding];
    (StatusCode::OK, heads, est::encode(der)).into_response()
}

#[cfg(test)]
mod tests;
