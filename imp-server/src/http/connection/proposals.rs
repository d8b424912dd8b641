//! `/v1/connections/proposals`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::connection::{Proposal, Proposals, ProposeRules, RejectProposal};
use imp_identity::ConnectionProposalId;

use super::proposal_answer;
use crate::app::{self, App};
use crate::command::connection::{
    RuleWish, approve_proposal, list_proposals, propose_rules, reject_proposal,
};
use crate::http::caller::{Administrator, PolicyReader};
use crate::http::{Json, Path, ProblemResponse, problem};

/// The latest proposals, latest first.
#[utoipa::path(
    get, path = "/v1/connections/proposals", tag = "connections", operation_id = "connection_proposals",
    security(("person" = [])),
    responses((status = 200, description = "at most 100", body = Proposals))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn list(
    State(app): State<App>,
    _: PolicyReader,
) -> Result<Json<Proposals>, ProblemResponse> {
    let found = list_proposals(&app.storage).await.map_err(problem::unread)?;
    Ok(Json(Proposals { proposals: found.iter().map(proposal_answer).collect() }))
}

/// Learns rules from the connections that were seen. Nothing is in force until somebody else approves.
#[utoipa::path(
    post, path = "/v1/connections/proposals", tag = "connections", operation_id = "propose_connection_rules",
    request_body = ProposeRules, security(("person" = [])),
    responses(
        (status = 201, description = "proposed", body = Proposal),
        (status = 409, description = "nothing to learn, or too much", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn propose(
    State(app): State<App>,
    administrator: Administrator,
    Json(ProposeRules { least, since, until }): Json<ProposeRules>,
) -> Result<(StatusCode, Json<Proposal>), ProblemResponse> {
    let wish = RuleWish { least: least.unwrap_or(1), since, until };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let proposal = propose_rules(context, administrator.actor(), wish).await?;
    Ok((StatusCode::CREATED, Json(proposal_answer(&proposal))))
}

/// Puts the rules of a proposal in force. Who asked for it cannot.
#[utoipa::path(
    post, path = "/v1/connections/proposals/{proposal}/approval", tag = "connections",
    operation_id = "approve_connection_rules", security(("person" = [])),
    params(("proposal" = Uuid, Path, description = "the proposal")),
    responses(
        (status = 200, description = "in force", body = Proposal),
        (status = 403, description = "her own proposal", body = imp_api::Problem),
        (status = 404, description = "no such proposal", body = imp_api::Problem),
        (status = 409, description = "decided already", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(proposal.id = %id))]
pub(crate) async fn approve(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<ConnectionProposalId>,
) -> Result<Json<Proposal>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let proposal = approve_proposal(context, administrator.actor(), id).await?;
    app.connections.refresh(&app.storage).await.map_err(problem::unread)?;
    Ok(Json(proposal_answer(&proposal)))
}

/// Decides that the rules of a proposal are not put in force.
#[utoipa::path(
    post, path = "/v1/connections/proposals/{proposal}/rejection", tag = "connections",
    operation_id = "reject_connection_rules", request_body = RejectProposal, security(("person" = [])),
    params(("proposal" = Uuid, Path, description = "the proposal")),
    responses(
        (status = 200, description = "rejected", body = Proposal),
        (status = 404, description = "no such proposal", body = imp_api::Problem),
        (status = 409, description = "decided already", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(proposal.id = %id))]
pub(crate) async fn reject(
    State(app): State<App>,
    administrator: Administrator,
    Path(id): Path<ConnectionProposalId>,
    Json(RejectProposal { reason }): Json<RejectProposal>,
) -> Result<Json<Proposal>, ProblemResponse> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let proposal = reject_proposal(context, administrator.actor(), id, reason).await?;
    Ok(Json(proposal_answer(&proposal)))
}
