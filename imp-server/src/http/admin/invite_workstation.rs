//! `POST /v1/workstations`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::admin::{InviteWorkstation, WorkstationInvited};
use imp_authenticator::InvitationUri;
use imp_authenticator::invitation::InvitationPurpose;

use super::names;
use crate::app::{self, App};
use crate::command;
use crate::http::caller::Administrator;
use crate::http::{Json, ProblemResponse, problem};

/// Invites a workstation with a one-time code.
#[utoipa::path(
    post, path = "/v1/workstations", tag = "machines", operation_id = "invite_workstation",
    request_body = InviteWorkstation, security(("person" = [])),
    responses((status = 201, description = "the invitation", body = WorkstationInvited))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn invite(
    State(app): State<App>,
    administrator: Administrator,
    Json(InviteWorkstation { name, unit, site }): Json<InviteWorkstation>,
) -> Result<(StatusCode, Json<WorkstationInvited>), ProblemResponse> {
    let name = names::field("name", &name)?;
    let place = names::place(unit.as_deref(), site.as_deref())?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let invited = command::invite_workstation(context, administrator.actor(), name, place).await;
    let command::WorkstationInvited { workstation, code, expires_at } =
        invited.map_err(problem::unread)?;
    let invitation = InvitationUri {
        purpose: InvitationPurpose::Enrol,
        server: app.url.to_string(),
        ca: app.keys.fingerprint(),
        code,
    };
    let invitation = invitation.to_string();
    Ok((StatusCode::CREATED, Json(WorkstationInvited { workstation, invitation, expires_at })))
}
