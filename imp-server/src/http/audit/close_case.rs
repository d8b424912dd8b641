//! `POST /v1/cases/{number}/closure`
use axum::extract::State;
use imp_api::audit::{Case, CloseCase};

use super::answer;
use crate::app::{self, App};
use crate::command::{self, CaseChange};
use crate::http::admin::names;
use crate::http::caller::Reader;
use crate::http::{Json, Path, ProblemResponse};

/// Ends a case, with what was found and why.
#[utoipa::path(
    post, path = "/v1/cases/{number}/closure", tag = "audit", operation_id = "close_case",
    request_body = CloseCase,
    params(("number" = u64, Path, description = "the number of the case")),
    security(("person" = [])),
    responses(
        (status = 200, description = "the case", body = Case),
        (status = 404, description = "no such case", body = imp_api::Problem),
        (status = 409, description = "the case is not in a state that allows this", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn close(
    State(app): State<App>,
    reader: Reader,
    Path(number): Path<u64>,
    Json(body): Json<CloseCase>,
) -> Result<Json<Case>, ProblemResponse> {
    let reason = names::field("reason", &body.reason)?;
    let change = CaseChange::Close { conclusion: body.conclusion, reason };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let case = command::change_case(context, &reader.actor(), number, change).await?;
    Ok(Json(answer::case(&case)))
}
