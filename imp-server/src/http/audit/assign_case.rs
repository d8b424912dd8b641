//! `POST /v1/cases/{number}/assignment`
use axum::extract::State;
use imp_api::audit::{AssignCase, Case};

use super::answer;
use crate::app::{self, App};
use crate::command::{self, CaseChange};
use crate::http::caller::Reader;
use crate::http::{Json, Path, ProblemResponse};

/// Gives a case to an auditor.
#[utoipa::path(
    post, path = "/v1/cases/{number}/assignment", tag = "audit", operation_id = "assign_case",
    request_body = AssignCase,
    params(("number" = u64, Path, description = "the number of the case")),
    security(("person" = [])),
    responses(
        (status = 200, description = "the case", body = Case),
        (status = 404, description = "no such case", body = imp_api::Problem),
        (status = 409, description = "the case is not in a state that allows this", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn assign(
    State(app): State<App>,
    reader: Reader,
    Path(number): Path<u64>,
    Json(body): Json<AssignCase>,
) -> Result<Json<Case>, ProblemResponse> {
    let assignee = command::resolve_person(&app.storage, &body.assignee).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let case = command::change_case(context, &reader.actor(), number, CaseChange::Assign(assignee))
        .await?;
    Ok(Json(answer::case(&case)))
}
