//! `POST /v1/connections/observations`, `POST /v1/refusals`
use axum::extract::State;
use axum::http::StatusCode;
use imp_api::connection::{MOST_OBSERVATIONS, MOST_REFUSALS, Observed, RefusalReport, Refused};

use super::read_observation;
use crate::app::{self, App};
use crate::command::connection::{Refusal, Reporter, report_observations, report_refusals};
use crate::http::caller::MachinePeer;
use crate::http::{Json, ProblemResponse, problem};

/// Takes what a machine saw. The same report again does nothing.
#[utoipa::path(
    post, path = "/v1/connections/observations", tag = "connections", operation_id = "report_observations",
    request_body = Observed, security(("machine" = [])),
    responses(
        (status = 204, description = "taken, now or before"),
        (status = 403, description = "of others' connections", body = imp_api::Problem),
        (status = 422, description = "too many, or what cannot be", body = imp_api::Problem),
        (status = 429, description = "too many reports", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn observations(
    State(app): State<App>,
    machine: MachinePeer,
    Json(Observed { report, observations }): Json<Observed>,
) -> Result<StatusCode, ProblemResponse> {
    bounded(observations.len(), MOST_OBSERVATIONS)?;
    let seen: Vec<_> = observations.into_iter().map(read_observation).collect::<Result<_, _>>()?;
    let reporter = reporter(&app, &machine).await?;
    let mut rng = app::rng();
    report_observations(&mut app.context(&mut rng), &reporter, report, &seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes whom and what a machine refused: an event each. The same report again does nothing.
#[utoipa::path(
    post, path = "/v1/refusals", tag = "connections", operation_id = "report_refusals",
    request_body = Refused, security(("machine" = [])),
    responses(
        (status = 204, description = "taken, now or before"),
        (status = 403, description = "of others' connections", body = imp_api::Problem),
        (status = 422, description = "too many, or what cannot be", body = imp_api::Problem),
        (status = 429, description = "too many reports", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn refusals(
    State(app): State<App>,
    machine: MachinePeer,
    Json(Refused { report, refusals }): Json<Refused>,
) -> Result<StatusCode, ProblemResponse> {
    bounded(refusals.len(), MOST_REFUSALS)?;
    let refusals: Vec<_> = refusals.into_iter().map(read).collect::<Result<_, _>>()?;
    let reporter = reporter(&app, &machine).await?;
    let mut rng = app::rng();
    report_refusals(&mut app.context(&mut rng), &reporter, report, refusals).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who reports. Its class comes from the inventory as it is now.
async fn reporter(app: &App, machine: &MachinePeer) -> Result<Reporter, ProblemResponse> {
    let snapshot = app.connections.refresh(&app.storage).await.map_err(problem::unread)?;
    let class = snapshot.inventory.party(&machine.spiffe_id).map(|party| party.class);
    Ok(Reporter { machine: machine.spiffe_id.clone(), actor: machine.actor(), class })
}

fn bounded(length: usize, most: usize) -> Result<(), ProblemResponse> {
    if length <= most {
        return Ok(());
    }
    let problem = problem::REPORT_INVALID.says("The report is too long.");
    Err(problem.with_detail(format!("at most {most} are taken at a time")))
}

fn read(refusal: RefusalReport) -> Result<Refusal, ProblemResponse> {
    Ok(match refusal {
        RefusalReport::Connection { from, to, let_through, .. } => {
            Refusal::Connection { from, to, let_through }
        }
        RefusalReport::Machine { peer, reason, .. } => {
            Refusal::Machine { peer: printable(peer)?, reason }
        }
        RefusalReport::Message { sender, reason, .. } => {
            Refusal::Message { sender: printable(sender)?, reason }
        }
    })
}

/// What a stranger calls itself: it goes into the log as it is.
fn printable(text: String) -> Result<String, ProblemResponse> {
    if (1..=512).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    let problem = problem::REPORT_INVALID.says("The report is not what is expected.");
    Err(problem
        .with_detail("who was refused: 1 to 512 printable characters are expected".to_owned()))
}
