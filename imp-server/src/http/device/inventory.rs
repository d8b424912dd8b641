//! `GET /v1/devices`, `POST /v1/devices`, `GET /v1/devices/{device}`, `PUT /v1/devices/{device}`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::device::{DescribeDevice, Device, DeviceShown, Devices};
use imp_identity::DeviceId;
use imp_identity::device::{DeviceClass, Lifecycle};
use serde::Deserialize;

use crate::app::{self, App};
use crate::command::{self, DeviceFilter};
use crate::http::caller::Person;
use crate::http::{Json, Path, ProblemResponse, Query, device, problem};

/// Which devices.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Of this class.
    #[param(value_type = Option<String>)]
    class: Option<DeviceClass>,
    /// In this state.
    #[param(value_type = Option<String>)]
    state: Option<Lifecycle>,
    /// Of this ward or department.
    unit: Option<String>,
    /// The device after which the page begins.
    #[param(value_type = Option<Uuid>)]
    after: Option<DeviceId>,
    /// At most so many, 1 to 500; 100 unless said otherwise.
    limit: Option<u32>,
}

/// Lists devices in the order of their registration.
#[utoipa::path(
    get, path = "/v1/devices", tag = "devices", operation_id = "devices", params(Page),
    security(("person" = [])),
    responses((status = 200, description = "a page", body = Devices))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Person,
    Query(Page { class, state, unit, after, limit }): Query<Page>,
) -> Result<Json<Devices>, ProblemResponse> {
    let filter = DeviceFilter { class, state, unit: super::label("unit", unit)? };
    let page = command::list_devices(&app.storage, &filter, after, limit.unwrap_or(100)).await;
    let page = page.map_err(problem::unread)?;
    let domain = app.keys.trust_domain();
    let devices = page.items.iter().map(|it| device::device(it, domain)).collect();
    Ok(Json(Devices { devices, next: page.next }))
}

/// Puts a device in the inventory.
#[utoipa::path(
    post, path = "/v1/devices", tag = "devices", operation_id = "register_device",
    request_body = DescribeDevice, security(("person" = [])),
    responses(
        (status = 201, description = "registered", body = Device),
        (status = 409, description = "something that must be its own is another device's", body = imp_api::Problem),
        (status = 422, description = "this cannot be said of a device", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn register(
    State(app): State<App>,
    person: Person,
    Json(body): Json<DescribeDevice>,
) -> Result<(StatusCode, Json<Device>), ProblemResponse> {
    let description = super::description(body)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let registered = command::register_device(context, person.actor(), description).await?;
    Ok((StatusCode::CREATED, Json(device::device(&registered, app.keys.trust_domain()))))
}

/// One device, with its certificates.
#[utoipa::path(
    get, path = "/v1/devices/{device}", tag = "devices", operation_id = "device",
    params(("device" = Uuid, Path, description = "the device")), security(("person" = [])),
    responses(
        (status = 200, description = "the device", body = DeviceShown),
        (status = 404, description = "no such device", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(device.id = %id))]
pub(crate) async fn show(
    State(app): State<App>,
    _: Person,
    Path(id): Path<DeviceId>,
) -> Result<Json<DeviceShown>, ProblemResponse> {
    let found = command::find_device(&app.storage, id).await.map_err(problem::unread)?;
    let (found, _) = found.ok_or_else(|| problem::NOT_FOUND.says("There is no such device."))?;
    let certificates = command::certificates_of_device(&app.storage, id, app.now()).await;
    let certificates = certificates.map_err(problem::unread)?;
    Ok(Json(DeviceShown {
        device: device::device(&found, app.keys.trust_domain()),
        certificates: certificates.iter().map(device::certificate).collect(),
    }))
}

/// Says something else of a device: what is not said is forgotten.
#[utoipa::path(
    put, path = "/v1/devices/{device}", tag = "devices", operation_id = "describe_device",
    request_body = DescribeDevice,
    params(("device" = Uuid, Path, description = "the device")), security(("person" = [])),
    responses(
        (status = 200, description = "the device", body = Device),
        (status = 404, description = "no such device", body = imp_api::Problem),
        (status = 409, description = "retired, or something that must be its own is another device's", body = imp_api::Problem),
        (status = 422, description = "this cannot be said of a device", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(device.id = %id))]
pub(crate) async fn describe(
    State(app): State<App>,
    person: Person,
    Path(id): Path<DeviceId>,
    Json(body): Json<DescribeDevice>,
) -> Result<Json<Device>, ProblemResponse> {
    let description = super::description(body)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let described = command::describe_device(context, person.actor(), id, description).await?;
    Ok(Json(device::device(&described, app.keys.trust_domain())))
}
