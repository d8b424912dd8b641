//! `POST /v1/certificates/{serial}/revocation`, `DELETE` of it, `GET /v1/devices/forecast`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::device::{ExpiryForecast, RevokeCertificate};
use jiff::SignedDuration;
use serde::Deserialize;

use crate::app::{self, App};
use crate::command;
use crate::http::caller::Person;
use crate::http::{Json, Path, ProblemResponse, Query, device, problem};

/// How far to look.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Reach {
    /// So many days from now on, 1 to 400; 14 unless said otherwise.
    days: Option<u16>,
}

/// The devices that will stand without a certificate unless they renew, soonest first.
#[utoipa::path(
    get, path = "/v1/devices/forecast", tag = "devices", operation_id = "device_forecast",
    params(Reach), security(("person" = [])),
    responses((status = 200, description = "the forecast", body = ExpiryForecast))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn forecast(
    State(app): State<App>,
    _: Person,
    Query(Reach { days }): Query<Reach>,
) -> Result<Json<ExpiryForecast>, ProblemResponse> {
    let days = i64::from(days.unwrap_or(14).clamp(1, 400));
    let until = app.now() + SignedDuration::from_hours(24 * days);
    let found = command::expiry_forecast(&app.storage, app.now(), until).await;
    let found = found.map_err(problem::unread)?;
    Ok(Json(ExpiryForecast { expiring: found.into_iter().map(device::expiring).collect() }))
}

/// Revokes a certificate, or holds it.
#[utoipa::path(
    post, path = "/v1/certificates/{serial}/revocation", tag = "devices",
    operation_id = "revoke_certificate", request_body = RevokeCertificate,
    params(("serial" = String, Path, description = "the serial number, in hexadecimal")),
    security(("person" = [])),
    responses(
        (status = 204, description = "revoked or held"),
        (status = 404, description = "no such certificate", body = imp_api::Problem),
        (status = 409, description = "revoked already, or expired", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn revoke(
    State(app): State<App>,
    person: Person,
    Path(serial): Path<String>,
    Json(RevokeCertificate { reason }): Json<RevokeCertificate>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::revoke_certificate(context, person.actor(), &serial, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a certificate that was held count again.
#[utoipa::path(
    delete, path = "/v1/certificates/{serial}/revocation", tag = "devices",
    operation_id = "reinstate_certificate",
    params(("serial" = String, Path, description = "the serial number, in hexadecimal")),
    security(("person" = [])),
    responses(
        (status = 204, description = "it counts again"),
        (status = 404, description = "no such certificate", body = imp_api::Problem),
        (status = 409, description = "it is not held, or expired, or its device is held", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn reinstate(
    State(app): State<App>,
    person: Person,
    Path(serial): Path<String>,
) -> Result<StatusCode, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::reinstate_certificate(context, person.actor(), &serial).await?;
    Ok(StatusCode::NO_CONTENT)
}
