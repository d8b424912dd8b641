//! `POST /v1/cases/{number}/comments`
use axum::extract::State;
use imp_api::audit::{Case, CommentCase};

use super::answer;
use crate::app::{self, App};
use crate::command::{self, CaseChange};
use crate::http::admin::names;
use crate::http::caller::Reader;
use crate::http::{Json, Path, ProblemResponse};

/// Says something about a case, and adds entries that belong to it.
#[utoipa::path(
    post, path = "/v1/cases/{number}/comments", tag = "audit", operation_id = "comment_case",
    request_body = CommentCase,
    params(("number" = u64, Path, description = "the number of the case")),
    security(("person" = [])),
    responses(
        (status = 200, description = "the case", body = Case),
        (status = 404, description = "no such case", body = imp_api::Problem),
        (status = 409, description = "the case is not in a state that allows this", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn comment(
    State(app): State<App>,
    reader: Reader,
    Path(number): Path<u64>,
    Json(body): Json<CommentCase>,
) -> Result<Json<Case>, ProblemResponse> {
    let comment = names::field("comment", &body.comment)?;
    let change = CaseChange::Comment { comment, entries: body.entries };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let case = command::change_case(context, &reader.actor(), number, change).await?;
    Ok(Json(answer::case(&case)))
}
