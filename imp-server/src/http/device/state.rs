//! `POST /v1/devices/{device}/invitation`, `POST /v1/devices/{device}/state`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::device::{Device, DeviceInvited, SetDeviceState};
use imp_authenticator::InvitationUri;
use imp_authenticator::invitation::InvitationPurpose;
use imp_identity::DeviceId;
use imp_identity::device::Lifecycle;
use jiff::SignedDuration;

use crate::app::{self, App};
use crate::command::{self, DeviceChange};
use crate::http::caller::Person;
use crate::http::{Json, Path, ProblemResponse, device, problem};

/// Makes a one-time code for a technician; the one before no longer counts.
#[utoipa::path(
    post, path = "/v1/devices/{device}/invitation", tag = "devices",
    operation_id = "invite_device",
    params(("device" = Uuid, Path, description = "the device")), security(("person" = [])),
    responses(
        (status = 201, description = "the invitation", body = DeviceInvited),
        (status = 404, description = "no such device", body = imp_api::Problem),
        (status = 409, description = "it is suspended, in quarantine, or retired", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(device.id = %id))]
pub(crate) async fn invite(
    State(app): State<App>,
    person: Person,
    Path(id): Path<DeviceId>,
) -> Result<(StatusCode, Json<DeviceInvited>), ProblemResponse> {
    let lifetime = SignedDuration::from_hours(app.config.devices.code_hours.into());
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let invited = command::invite_device(context, person.actor(), id, lifetime).await?;
    let invitation = InvitationUri {
        purpose: InvitationPurpose::Enrol,
        server: app.url.to_string(),
        ca: app.keys.fingerprint(),
        code: invited.code.clone(),
    };
    let command::DeviceInvited { device, code, expires_at } = invited;
    let invitation = invitation.to_string();
    Ok((StatusCode::CREATED, Json(DeviceInvited { device, invitation, code, expires_at })))
}

/// Suspends a device, suspects it, lets it be used again, or retires it. Its certificates follow.
#[utoipa::path(
    post, path = "/v1/devices/{device}/state", tag = "devices", operation_id = "set_device_state",
    request_body = SetDeviceState,
    params(("device" = Uuid, Path, description = "the device")), security(("person" = [])),
    responses(
        (status = 200, description = "the device", body = Device),
        (status = 404, description = "no such device", body = imp_api::Problem),
        (status = 409, description = "it cannot become that", body = imp_api::Problem),
        (status = 422, description = "no reason, or no such state", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(device.id = %id))]
pub(crate) async fn set(
    State(app): State<App>,
    person: Person,
    Path(id): Path<DeviceId>,
    Json(SetDeviceState { state, reason }): Json<SetDeviceState>,
) -> Result<Json<Device>, ProblemResponse> {
    let reason = super::reason(&reason)?;
    let change = match state {
        Lifecycle::Suspended => DeviceChange::Suspend,
        Lifecycle::Quarantined => DeviceChange::Quarantine,
        Lifecycle::Active => DeviceChange::Reinstate,
        Lifecycle::Retired => DeviceChange::Retire,
        Lifecycle::Registered => {
            let title = "A device cannot be made registered again.";
            return Err(problem::DEVICE_INVALID.says(title));
        }
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let changed = command::change_device(context, person.actor(), id, change, reason).await?;
    Ok(Json(device::device(&changed, app.keys.trust_domain())))
}
