//! `POST /v1/connections/dry-run`
use axum::extract::State;
use imp_api::connection::{DryRun, Judged, TryConnectionPolicy};
use imp_connection::{Judged as Compared, dry_run};

use super::{observation, tried};
use crate::app::App;
use crate::command::connection::observations;
use crate::http::caller::PolicyReader;
use crate::http::{Json, ProblemResponse, problem};

/// The most observations of a list.
const MOST: usize = 1000;

/// Holds rules against the connections that were seen, beside those in force. Nothing changes.
#[utoipa::path(
    post, path = "/v1/connections/dry-run", tag = "connections", operation_id = "try_connection_rules",
    request_body = TryConnectionPolicy, security(("person" = [])),
    responses(
        (status = 200, description = "what would change", body = DryRun),
        (status = 422, description = "it could not be put in force", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn try_out(
    State(app): State<App>,
    _: PolicyReader,
    Json(TryConnectionPolicy { rules }): Json<TryConnectionPolicy>,
) -> Result<Json<DryRun>, ProblemResponse> {
    let tried = tried(rules)?;
    let snapshot = app.connections.refresh(&app.storage).await.map_err(problem::unread)?;
    let seen = observations(&app.storage, None).await.map_err(problem::unread)?;
    let run = dry_run(&snapshot.policy, &tried, &snapshot.inventory, &seen, app.now());
    Ok(Json(answer(&run)))
}

/// A dry run as the contract shows it.
pub(crate) fn answer(run: &imp_connection::DryRun<'_>) -> DryRun {
    let expected = run.judged.iter().filter(|judged| judged.then.is_expected()).count();
    let breaking = run.judged.iter().filter(|judged| judged.would_break());
    let opening = run.judged.iter().filter(|judged| judged.would_open());
    DryRun {
        observations: u64::try_from(run.judged.len()).unwrap_or(u64::MAX),
        expected: u64::try_from(expected).unwrap_or(u64::MAX),
        would_break: breaking.take(MOST).map(compared).collect(),
        would_open: opening.take(MOST).map(compared).collect(),
        unused: run.unused.iter().map(ToString::to_string).collect(),
    }
}

fn compared(judged: &Compared<'_>) -> Judged {
    Judged { observation: observation(judged.observation), reason: judged.then.to_string() }
}
