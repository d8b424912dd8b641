//! What anybody may learn of certificates, over plain HTTP, as everything here is signed: how they stand (OCSP, RFC 6960 with
//! the profile of RFC 5019), lists of those that no longer count (RFC 5280), and the authorities' own certificates. The
//! addresses stand in the certificates.
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER};
use imp_identity::Digest;
use imp_pki::ocsp::{self, OcspRefusal, OcspRequest, Validity};
use imp_service::http::{Bounds, protected};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::settle::settle;
use crate::app::App;
use crate::ca::IssuingAuthority;
use crate::config::seconds;

/// The most partitions that a list has: `devices.crl_partitions` may have been greater before.
const MOST_PARTITIONS: u32 = 64;
/// The type of an answer.
const OCSP_RESPONSE: &str = "application/ocsp-response";
/// The type of a request.
const OCSP_REQUEST: &str = "application/ocsp-request";
/// The type of a list (RFC 2585 §4.2).
const CRL: &str = "application/pkix-crl";
/// The type of a certificate (RFC 2585 §4.1).
const CERTIFICATE: &str = "application/pkix-cert";

/// The routes of the plain HTTP listener.
pub(crate) fn router(app: App) -> Router {
    let bounds = Bounds { body: ocsp::LARGEST, time: seconds(app.config.http.request_seconds) };
    let settled = from_fn_with_state(app.storage.clone(), settle);
    let router = Router::new()
        .route("/ocsp", post(ask))
        .route("/ocsp/", post(ask))
        .route("/ocsp/{*request}", get(look))
        .route("/ca/{issuer}", get(authority))
        .route("/crl/{issuer}", get(whole))
        .route("/crl/{issuer}/{partition}", get(part))
        .layer(DefaultBodyLimit::max(ocsp::LARGEST))
        .layer(settled)
        .with_state(app);
    protected(router, bounds).layer(map_response(in_the_open))
}

/// What is said of HTTPS is not said over HTTP (RFC 6797 §7.2).
async fn in_the_open(mut response: Response) -> Response {
    response.headers_mut().remove(header::STRICT_TRANSPORT_SECURITY);
    response
}

/// `POST /ocsp`: answers are not for caches (RFC 5019 §5).
async fn ask(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(OCSP_REQUEST)) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    match answer(&app, &body).await {
        Ok((_, answered)) => of_type(OCSP_RESPONSE, answered.der.clone()),
        Err(refusal) => refused(refusal),
    }
}

/// `GET /ocsp/{request in Base64}` (RFC 6960 §A.1).
async fn look(State(app): State<App>, Path(encoded): Path<String>, headers: HeaderMap) -> Response {
    // Some clients leave the padding out, though it is asked for.
    let dense = encoded.trim_end_matches('=').as_bytes();
    let der = BASE64.decode(encoded.as_bytes()).or_else(|_| BASE64_NOPAD.decode(dense));
    let Ok(der) = der else { return refused(OcspRefusal::MalformedRequest) };
    match answer(&app, &der).await {
        Ok((true, answered)) => of_type(OCSP_RESPONSE, answered.der.clone()),
        Ok((false, answered)) => {
            let kept =
                Kept { kind: OCSP_RESPONSE, der: &answered.der, validity: answered.validity };
            kept.answer(&headers, app.now())
        }
        Err(refusal) => refused(refusal),
    }
}

/// The answer, and whether it is for this request only.
async fn answer(
    app: &App,
    der: &[u8],
) -> Result<(bool, Arc<crate::revocation::Answered>), OcspRefusal> {
    let request = OcspRequest::parse(der).map_err(|error| {
        tracing::debug!(error = &error as &dyn std::error::Error, "an OCSP request is malformed");
        OcspRefusal::MalformedRequest
    })?;
    match app.revocation.answers.answer(app, &request).await {
        Ok(answered) => Ok((request.has_nonce(), answered)),
        Err(error) => {
            let refusal = error.refusal();
            if refusal == OcspRefusal::InternalError {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "cannot answer by OCSP");
            }
            Err(refusal)
        }
    }
}

/// Errors of OCSP are answers of HTTP (RFC 6960 §A.2), and for no cache.
fn refused(refusal: OcspRefusal) -> Response {
    of_type(OCSP_RESPONSE, Bytes::copy_from_slice(&refusal.der()))
}

fn of_type(kind: &'static str, der: Bytes) -> Response {
    let heads = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
    (heads, der).into_response()
}

/// `GET /ca/{issuer}.cer`
async fn authority(State(app): State<App>, Path(file): Path<String>) -> Response {
    let Some(authority) = file.strip_suffix(".cer").and_then(|name| named(&app, name)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let heads = [(header::CONTENT_TYPE, CERTIFICATE), (header::CACHE_CONTROL, "max-age=86400")];
    (heads, authority.certificate.der().to_vec()).into_response()
}

/// `GET /crl/{issuer}.crl`
async fn whole(State(app): State<App>, Path(file): Path<String>, headers: HeaderMap) -> Response {
    let authority = file.strip_suffix(".crl").and_then(|name| named(&app, name));
    match authority {
        Some(authority) => list(&app, &authority, None, &headers).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET /crl/{issuer}/{partition}.crl`
async fn part(
    State(app): State<App>,
    Path((name, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let partition = file.strip_suffix(".crl").and_then(|number| number.parse().ok());
    let partition = partition.filter(|number| *number < MOST_PARTITIONS);
    match (named(&app, &name), partition) {
        (Some(authority), Some(_)) => list(&app, &authority, partition, &headers).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn named(app: &App, name: &str) -> Option<Arc<IssuingAuthority>> {
    app.keys.issuers().into_iter().find(|authority| authority.short == name)
}

async fn list(
    app: &App,
    authority: &IssuingAuthority,
    partition: Option<u32>,
    headers: &HeaderMap,
) -> Response {
    match app.revocation.lists.find(app, authority, partition).await {
        Ok(list) => {
            let kept = Kept { kind: CRL, der: &list.der, validity: list.validity };
            kept.answer(headers, app.now())
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "cannot make a CRL");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Something signed that caches may keep.
struct Kept<'a> {
    kind: &'static str,
    der: &'a Bytes,
    validity: Validity,
}

impl Kept<'_> {
    /// With the headers of RFC 5019 §6.2; or nothing, if the client has it.
    fn answer(&self, headers: &HeaderMap, now: Timestamp) -> Response {
        let tag = format!("\"{}\"", HEXLOWER.encode(&Digest::of(&[self.der]).as_bytes()[..16]));
        let Validity { this_update, next_update } = self.validity;
        let age = next_update.duration_since(now).as_secs().max(0);
        let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let mut response = if known.is_some_and(|known| known.contains(&tag)) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, self.kind)], self.der.clone()).into_response()
        };
        let caches = format!("max-age={age}, public, no-transform, must-revalidate");
        for (name, value) in [
            (header::CACHE_CONTROL, Some(caches)),
            (header::ETAG, Some(tag)),
            (header::LAST_MODIFIED, date(this_update)),
            (header::EXPIRES, date(next_update)),
        ] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// A date as HTTP writes it (RFC 9110 §5.6.7).
fn date(at: Timestamp) -> Option<String> {
    rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

#[cfg(test)]
mod tests;
