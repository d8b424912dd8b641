//! `GET /v1/timelines/users/{user}` and `GET /v1/timelines/workstations/{workstation}`
use axum::extract::State;
use imp_api::audit;
use jiff::Timestamp;
use serde::Deserialize;

use super::{answer, question};
use crate::app::{self, App};
use crate::command::{self, Subject, TimelineQuestion};
use crate::http::caller::Reader;
use crate::http::{Json, Path, ProblemResponse, Query};

/// Which time, and for what.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Times {
    /// Not earlier than this; a day before the end unless said otherwise.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Earlier than this; now unless said otherwise.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The number of the open case for which it is read.
    case: Option<u64>,
}

/// What a person did and what was done to her, grouped by sessions. At most a week, unless for an open case. The reading
/// is itself an entry.
#[utoipa::path(
    get, path = "/v1/timelines/users/{user}", tag = "audit", operation_id = "user_timeline",
    params(("user" = String, Path, description = "username or identifier"), Times),
    security(("person" = [])),
    responses(
        (status = 200, description = "the timeline", body = audit::Timeline),
        (status = 403, description = "it would show when somebody was at work", body = imp_api::Problem),
        (status = 404, description = "no such user", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn of_user(
    State(app): State<App>,
    reader: Reader,
    Path(user): Path<String>,
    Query(times): Query<Times>,
) -> Result<Json<audit::Timeline>, ProblemResponse> {
    let user = command::resolve_person(&app.storage, &user).await?;
    read(&app, &reader, Subject::Person(user), times).await
}

/// What happened at a workstation, grouped by sessions. At most a day, unless for an open case. The reading is itself an
/// entry.
#[utoipa::path(
    get, path = "/v1/timelines/workstations/{workstation}", tag = "audit",
    operation_id = "workstation_timeline",
    params(("workstation" = String, Path, description = "name or identifier"), Times),
    security(("person" = [])),
    responses(
        (status = 200, description = "the timeline", body = audit::Timeline),
        (status = 403, description = "it would show when people were at work", body = imp_api::Problem),
        (status = 404, description = "no such workstation", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn of_workstation(
    State(app): State<App>,
    reader: Reader,
    Path(workstation): Path<String>,
    Query(times): Query<Times>,
) -> Result<Json<audit::Timeline>, ProblemResponse> {
    let workstation = command::resolve_workstation(&app.storage, &workstation).await?;
    read(&app, &reader, Subject::Workstation(workstation), times).await
}

async fn read(
    app: &App,
    reader: &Reader,
    subject: Subject,
    times: Times,
) -> Result<Json<audit::Timeline>, ProblemResponse> {
    let case = match times.case {
        Some(number) => Some(command::resolve_case(&app.storage, number).await?.id),
        None => None,
    };
    let Times { from, until, .. } = times;
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        return Err(question::invalid("from", "`from` must be before `until`"));
    }
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let asked = TimelineQuestion { subject, from, until, case };
    let timeline = command::read_timeline(context, &reader.actor(), asked).await?;
    Ok(Json(answer::timeline(&timeline)))
}
