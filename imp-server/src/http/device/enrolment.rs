//! `POST /v1/devices/enrolment`, `POST /v1/devices/renewal`
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use imp_api::device::{DeviceAwaiting, DeviceEnrolled, EnrolDevice, RenewDevice};
use imp_identity::device::EnrolmentMeans;
use imp_identity::invitation::InvitationError;
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{Actor, DeviceId, Digest};
use imp_pki::CertificateRequest;

use crate::app::{self, App};
use crate::command::{self, AcceptDeviceCodeError, IssueCertificateError, Issued, Order};
use crate::http::caller::DevicePeer;
use crate::http::{Json, ProblemResponse, problem};

/// Gives a device, or the technician beside it, a certificate for a one-time code.
#[utoipa::path(
    post, path = "/v1/devices/enrolment", tag = "devices", operation_id = "enrol_device",
    request_body = EnrolDevice,
    responses(
        (status = 201, description = "the certificate", body = DeviceEnrolled),
        (status = 202, description = "a second person must approve; ask the same again later", body = DeviceAwaiting),
        (status = 403, description = "the code does not count, or the device is refused", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn enrol(
    State(app): State<App>,
    Json(EnrolDevice { code, certificate_request }): Json<EnrolDevice>,
) -> Result<Response, ProblemResponse> {
    let request = verified(&certificate_request.0)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let key = Digest::of(&[request.public_key().as_spki()]);
    let device = command::accept_device_code(context, &code, key).await?;
    issue(&app, device.id, &request, StatusCode::CREATED).await
}

/// Renews the certificate of a device that shows one that counts. The key may be another one.
#[utoipa::path(
    post, path = "/v1/devices/renewal", tag = "devices", operation_id = "renew_device",
    request_body = RenewDevice, security(("machine" = [])),
    responses(
        (status = 200, description = "the new certificate", body = DeviceEnrolled),
        (status = 202, description = "a second person must approve; ask the same again later", body = DeviceAwaiting),
        (status = 403, description = "no device, or refused", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(device.id = %device.id))]
pub(crate) async fn renew(
    State(app): State<App>,
    DevicePeer(device): DevicePeer,
    Json(RenewDevice { certificate_request }): Json<RenewDevice>,
) -> Result<Response, ProblemResponse> {
    let request = verified(&certificate_request.0)?;
    issue(&app, device.id, &request, StatusCode::OK).await
}

fn verified(der: &[u8]) -> Result<CertificateRequest, ProblemResponse> {
    CertificateRequest::verify_device(der)
        .map_err(|error| problem::CERTIFICATE_REQUEST_INVALID.because(&error))
}

async fn issue(
    app: &App,
    device: DeviceId,
    request: &CertificateRequest,
    status: StatusCode,
) -> Result<Response, ProblemResponse> {
    let order = Order {
        device,
        request,
        means: EnrolmentMeans::Token,
        names: request.asked().names.clone(),
        profile: None,
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    match command::issue_certificate(context, Actor::Device(device), order).await {
        Ok(issued) => Ok((status, Json(enrolled(app, device, issued))).into_response()),
        Err(IssueCertificateError::AwaitingApproval(approval)) => {
            Ok((StatusCode::ACCEPTED, Json(DeviceAwaiting { approval })).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

fn enrolled(app: &App, device: DeviceId, issued: Issued) -> DeviceEnrolled {
    let Issued { certificate, chain } = issued;
    let (renew_after, expires_at) = (certificate.renew_after(), certificate.expires_at());
    let chain = std::iter::once(certificate.into_der()).chain(chain);
    DeviceEnrolled {
        device,
        spiffe_id: SpiffeId {
            trust_domain: app.keys.trust_domain().clone(),
            machine: Machine::Device(device),
        },
        certificate_chain: chain.map(Into::into).collect(),
        trust_anchors: app.keys.anchors().roots.into_iter().map(Into::into).collect(),
        statement_keys: vec![app.keys.statement_key().public_key().to_vec().into()],
        renew_after,
        expires_at,
    }
}

impl From<AcceptDeviceCodeError> for ProblemResponse {
    fn from(error: AcceptDeviceCodeError) -> Self {
        match &error {
            AcceptDeviceCodeError::Invitation(InvitationError::Expired) => {
                problem::CODE_EXPIRED.because(&error)
            }
            AcceptDeviceCodeError::Invitation(InvitationError::Wrong) => {
                problem::CODE_INVALID.because(&error)
            }
            AcceptDeviceCodeError::Retired => problem::MACHINE_REVOKED.because(&error),
            AcceptDeviceCodeError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<IssueCertificateError> for ProblemResponse {
    fn from(error: IssueCertificateError) -> Self {
        match &error {
            IssueCertificateError::Storage(source) => problem::storage(&error, source),
            IssueCertificateError::Issue(_) | IssueCertificateError::NoAuthority => {
                problem::internal(&error)
            }
            IssueCertificateError::Changing => problem::BUSY.because(&error),
            IssueCertificateError::UnknownDevice
            | IssueCertificateError::Held
            | IssueCertificateError::Retired
            | IssueCertificateError::Means
            | IssueCertificateError::Manufacturer
            | IssueCertificateError::Profile
            | IssueCertificateError::KeyKind
            | IssueCertificateError::KeyReused
            | IssueCertificateError::KeyCompromised
            | IssueCertificateError::Wildcard
            | IssueCertificateError::ExtraName
            | IssueCertificateError::UnregisteredName
            | IssueCertificateError::Rejected
            | IssueCertificateError::AwaitingApproval(_) => {
                problem::ENROLMENT_REFUSED.because(&error).with_detail(error.word().to_owned())
            }
        }
    }
}
