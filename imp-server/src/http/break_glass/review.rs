//! `POST /v1/break-glass/{session}/review`
use axum::extract::State;
use imp_api::break_glass::{Emergency, ReviewBreakGlass};
use imp_identity::SessionId;
use imp_identity::emergency::ReviewError;

use crate::app::{self, App};
use crate::command::{self, ReviewBreakGlassError};
use crate::http::admin::names;
use crate::http::caller::Person;
use crate::http::{Json, Path, ProblemResponse, break_glass, problem};

/// Judges an entry in an emergency.
#[utoipa::path(
    post, path = "/v1/break-glass/{session}/review", tag = "audit",
    operation_id = "review_break_glass", request_body = ReviewBreakGlass,
    params(("session" = Uuid, Path, description = "the session that was opened")),
    security(("person" = [])),
    responses(
        (status = 200, description = "the entry with its review", body = Emergency),
        (status = 403, description = "she took part in it", body = imp_api::Problem),
        (status = 404, description = "no such entry", body = imp_api::Problem),
        (status = 409, description = "reviewed already", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(session.id = %session))]
pub(crate) async fn review(
    State(app): State<App>,
    person: Person,
    Path(session): Path<SessionId>,
    Json(ReviewBreakGlass { justified, remark }): Json<ReviewBreakGlass>,
) -> Result<Json<Emergency>, ProblemResponse> {
    let remark = names::field("remark", &remark)?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let judged = (justified, remark);
    let reviewed = command::review_break_glass(context, &person.actor(), session, judged).await?;
    Ok(Json(break_glass::shown(&reviewed, app.now())))
}

impl From<ReviewBreakGlassError> for ProblemResponse {
    fn from(error: ReviewBreakGlassError) -> Self {
        match &error {
            ReviewBreakGlassError::NotFound => problem::NOT_FOUND.because(&error),
            ReviewBreakGlassError::Refused(ReviewError::Reviewed) => {
                problem::REVIEWED_ALREADY.because(&error)
            }
            ReviewBreakGlassError::Refused(ReviewError::Involved) => {
                problem::REVIEW_OWN.because(&error)
            }
            ReviewBreakGlassError::Storage(source) => problem::storage(&error, source),
        }
    }
}
