//! `simpleenroll` and `simplereenroll`.
use std::collections::HashSet;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use imp_identity::Actor;
use imp_identity::device::Device;
use imp_pki::est::{self, Operation};
use imp_pki::{CertificateRequest, ServerName};

use super::caller::{Known, authenticate};
use super::refusal::Refused;
use super::{Asked, CERTS_ONLY, key_of, message, read};
use crate::app::{self, App};
use crate::command::{self, IssueCertificateError, Order};

/// Gives the device that asks a certificate, or says why not.
pub(super) async fn enrol(
    app: &App,
    operation: Operation,
    Asked { label, shown, body }: Asked,
) -> Result<Response, Refused> {
    if operation == Operation::SimpleReenroll && shown.peer.is_none() {
        return Err(Refused::unread(StatusCode::FORBIDDEN, "certificate-needed"));
    }
    let request = read(&body)?;
    let known = authenticate(app, &shown, key_of(&request)).await?;
    let Known { device, means, certificate } = known;
    if operation == Operation::SimpleReenroll && certificate.is_none() {
        let refused = Refused::unread(StatusCode::FORBIDDEN, "certificate-needed");
        return Err(refused.of(device.id).by(means));
    }
    let names = match &certificate {
        Some(certificate) => same_names(&device, certificate, &request)?,
        None if request.asked().names.is_empty() => device.names.clone(),
        None => request.asked().names.clone(),
    };
    let order =
        Order { device: device.id, request: &request, means, names, profile: label.as_deref() };
    let mut rng = app::rng();
    let issued = command::issue_certificate(&mut app.context(&mut rng), Actor::Server, order).await;
    match issued {
        Ok(issued) => Ok(message(CERTS_ONLY, &est::certs_only([issued.certificate.der()]))),
        Err(IssueCertificateError::AwaitingApproval(_)) => Ok(awaited(app)),
        Err(IssueCertificateError::Storage(error)) => Err(Refused::unstored(&error)),
        Err(error) if error.is_refusal() => {
            // The command has told the log.
            Err(Refused::said(StatusCode::FORBIDDEN, error.word(), &error).unrecorded())
        }
        Err(error) => Err(Refused::broken(&error)),
    }
}

/// The names of the certificate that was shown; the request may name all of them or none (RFC 7030 §4.2.2).
fn same_names(
    device: &Device,
    certificate: &[u8],
    request: &CertificateRequest,
) -> Result<Vec<ServerName>, Refused> {
    let names = est::names_of(certificate).unwrap_or_default();
    let set = |names: &[ServerName]| names.iter().map(ToString::to_string).collect::<HashSet<_>>();
    let asked = &request.asked().names;
    if asked.is_empty() || set(asked) == set(&names) {
        Ok(names)
    } else {
        Err(Refused::unread(StatusCode::FORBIDDEN, "other-names").of(device.id))
    }
}

/// A second person has to look at it: `202 Accepted`, come again later (RFC 7030 §4.2.3).
fn awaited(app: &App) -> Response {
    let wait = [(header::RETRY_AFTER, HeaderValue::from(app.config.est.retry_seconds))];
    (StatusCode::ACCEPTED, wait, "Somebody has to approve it first. Ask again later.\n")
        .into_response()
}
