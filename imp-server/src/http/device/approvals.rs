//! `GET /v1/device-enrolments`, `POST /v1/device-enrolments/{approval}/decision`
use axum::extract::State;
use imp_api::device::{DecideEnrolment, DeviceApproval, DeviceApprovals};
use imp_identity::ApprovalId;
use jiff::SignedDuration;

use crate::app::{self, App};
use crate::command;
use crate::http::caller::Person;
use crate::http::{Json, Path, ProblemResponse, device, problem};

/// Lists the enrolments that wait for a second person, the oldest first.
#[utoipa::path(
    get, path = "/v1/device-enrolments", tag = "devices", operation_id = "device_enrolments",
    security(("person" = [])),
    responses((status = 200, description = "the enrolments", body = DeviceApprovals))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: Person,
) -> Result<Json<DeviceApprovals>, ProblemResponse> {
    let open = command::open_approvals(&app.storage).await.map_err(problem::unread)?;
    Ok(Json(DeviceApprovals { approvals: open.iter().map(device::approval).collect() }))
}

/// Decides on an enrolment. Whoever registered or invited the device cannot approve it.
#[utoipa::path(
    post, path = "/v1/device-enrolments/{approval}/decision", tag = "devices",
    operation_id = "decide_device_enrolment", request_body = DecideEnrolment,
    params(("approval" = Uuid, Path, description = "the enrolment")), security(("person" = [])),
    responses(
        (status = 200, description = "decided", body = DeviceApproval),
        (status = 403, description = "two people must agree", body = imp_api::Problem),
        (status = 404, description = "no such enrolment", body = imp_api::Problem),
        (status = 409, description = "decided already", body = imp_api::Problem),
        (status = 422, description = "a rejection needs a reason", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(approval.id = %id))]
pub(crate) async fn decide(
    State(app): State<App>,
    person: Person,
    Path(id): Path<ApprovalId>,
    Json(DecideEnrolment { approve, reason }): Json<DecideEnrolment>,
) -> Result<Json<DeviceApproval>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let decided = if approve {
        let days = i64::from(app.config.devices.approval_days);
        let lifetime = SignedDuration::from_hours(24 * days);
        command::approve_device(context, person.actor(), id, lifetime).await?
    } else {
        let reason = super::reason(reason.as_deref().unwrap_or_default())?;
        command::reject_device(context, person.actor(), id, reason).await?
    };
    Ok(Json(device::approval(&decided)))
}
