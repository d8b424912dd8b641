//! Answers: each has a nonce for the next request (RFC 8555 §6.5), and a refusal is a problem (§6.7) and stands in the log.
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imp_identity::device::EnrolmentMeans;
use imp_pki::acme::key::Algorithm;
use imp_pki::acme::{Problem, ProblemType};
use serde_json::{Value, json};

use super::signed::Asker;
use crate::app::{self, App};
use crate::command;
use crate::command::acme::{AcmeError, AcmeRefusal};

/// What happens to clients every day: the log does not need to know.
const ORDINARY: [&str; 8] = [
    "authorization-decided",
    "authorization-expired",
    "challenge-chosen",
    "nonce-old",
    "nonce-unknown",
    "nothing-there",
    "order-busy",
    "order-not-ready",
];

/// An answer, as a rejection of an extractor.
pub(crate) struct Answer(pub(crate) Response);

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        self.0
    }
}

/// What a handler has to say.
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) body: Body,
    pub(crate) location: Option<String>,
    /// What it belongs to.
    pub(crate) up: Option<String>,
    /// When it is worth asking again, in seconds.
    pub(crate) again: Option<u32>,
}

/// The forms of bodies.
pub(crate) enum Body {
    Json(Value),
    /// A chain of certificates.
    Pem(String),
    Nothing,
}

impl Said {
    /// 200 with a document.
    pub(crate) const fn json(body: Value) -> Self {
        Self::with(StatusCode::OK, Body::Json(body))
    }

    /// Something else.
    pub(crate) const fn with(status: StatusCode, body: Body) -> Self {
        Self { status, body, location: None, up: None, again: None }
    }

    /// Where it is.
    pub(crate) fn at(self, location: String) -> Self {
        Self { location: Some(location), ..self }
    }
}

/// Turns what a handler found into an answer, and records a refusal.
pub(crate) async fn answer(app: &App, asker: Asker, said: Result<Said, AcmeError>) -> Response {
    let mut response = match said {
        Ok(said) => response(said),
        Err(AcmeError::Refused(refusal)) => {
            record(app, &asker, &refusal).await;
            refused(&refusal.problem)
        }
        Err(error) => failed(&error),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(nonce) = HeaderValue::try_from(app.acme.nonce()) {
        headers.insert("Replay-Nonce", nonce);
    }
    let index = format!("<{}>;rel=\"index\"", app.acme.url("/directory"));
    if let Ok(index) = HeaderValue::try_from(index) {
        headers.append(header::LINK, index);
    }
    response
}

fn response(said: Said) -> Response {
    let mut response = match said.body {
        Body::Json(body) => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (said.status, kind, body.to_string()).into_response()
        }
        Body::Pem(text) => {
            let kind = [(header::CONTENT_TYPE, "application/pem-certificate-chain")];
            (said.status, kind, text).into_response()
        }
        Body::Nothing => said.status.into_response(),
    };
    let headers = response.headers_mut();
    if let Some(location) = said.location.and_then(|it| HeaderValue::try_from(it).ok()) {
        headers.insert(header::LOCATION, location);
    }
    let up = said.up.map(|up| format!("<{up}>;rel=\"up\""));
    if let Some(up) = up.and_then(|it| HeaderValue::try_from(it).ok()) {
        headers.append(header::LINK, up);
    }
    if let Some(again) = said.again {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(again));
    }
    response
}

/// A problem document.
pub(crate) fn refused(problem: &Problem) -> Response {
    let mut document = problem.to_json();
    if problem.kind == ProblemType::BadSignatureAlgorithm {
        document["algorithms"] = json!(Algorithm::CODES);
    }
    let status = StatusCode::from_u16(problem.kind.status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = [(header::CONTENT_TYPE, imp_api::problem::MEDIA_TYPE)];
    (status, kind, document.to_string()).into_response()
}

/// Something of our own failed: it is logged here, and the client learns nothing of it.
fn failed(error: &AcmeError) -> Response {
    let busy = matches!(error, AcmeError::Storage(source) if source.is_busy());
    let error: &(dyn std::error::Error + 'static) = error;
    if busy {
        tracing::warn!(error, "the database is busy");
        let problem = Problem::new(ProblemType::ServerInternal, "the server is busy: try again");
        let mut response = refused(&problem);
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(1));
        return response;
    }
    tracing::error!(error, "a request over ACME failed");
    refused(&Problem::new(ProblemType::ServerInternal, "something broke in the server"))
}

/// Puts a refusal in the log: of each account and word one in a minute, so that nobody fills it by asking again. Who did not sign
/// with an account's key is nobody that the log could name, but for the account that it says it is.
pub(super) async fn record(app: &App, asker: &Asker, refusal: &AcmeRefusal) {
    tracing::info!(account = asker.name, word = refusal.word, "an ACME client was refused");
    let is_worth_it = !asker.name.is_empty() || refusal.word.starts_with("binding-");
    let is_worth_it = is_worth_it && !ORDINARY.contains(&refusal.word);
    if refusal.recorded
        || !is_worth_it
        || !app.acme.refusals.admit(asker.name.clone(), refusal.word, app.now())
    {
        return;
    }
    let own = asker.client.as_ref().and_then(command::acme::AcmeClient::device);
    let device = refusal.device.or(own);
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let means = EnrolmentMeans::Acme;
    let recorded = command::refuse_enrolment(context, device, means, refusal.word).await;
    if let Err(error) = recorded {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "a refusal of an ACME client was not recorded");
    }
}
