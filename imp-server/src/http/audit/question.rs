//! From the parameters of a request to a question, and what refusals become.
use imp_api::audit::EventsQuery;
use imp_events::{Kind, Question};
use imp_identity::event::Outcome;
use imp_storage::Storage;

use crate::command::{self, AskError, Paging, ResolveError};
use crate::http::{ProblemResponse, problem};
use crate::store::Direction;

/// Entries of a page unless said otherwise.
const PAGE: u32 = 100;

/// What is asked.
pub(crate) async fn question(
    storage: &Storage,
    query: &EventsQuery,
) -> Result<Question, ProblemResponse> {
    let person = match &query.person {
        Some(text) => Some(command::resolve_person(storage, text).await?),
        None => None,
    };
    let workstation = match &query.workstation {
        Some(text) => Some(command::resolve_workstation(storage, text).await?),
        None => None,
    };
    let case = match query.case {
        Some(number) => Some(command::resolve_case(storage, number).await?.id),
        None => None,
    };
    let outcome = match &query.outcome {
        Some(text) => Some(text.parse::<Outcome>().map_err(|error| invalid("outcome", error))?),
        None => None,
    };
    let kinds = Kind::list(query.kind.as_deref().unwrap_or_default());
    let question = Question {
        person,
        workstation,
        device: query.device,
        kinds: kinds.map_err(|error| invalid("kind", error))?,
        outcome,
        from: query.from,
        until: query.until,
        case,
    };
    question.check().map_err(|error| invalid("question", error))?;
    Ok(question)
}

/// Which page of the answer.
pub(crate) fn paging(query: &EventsQuery) -> Result<Paging, ProblemResponse> {
    let direction = match (query.before, query.after, query.order.as_deref()) {
        (before, None, None | Some("newest")) => Direction::Newest { before },
        (None, after, Some("oldest")) | (None, after @ Some(_), None) => {
            Direction::Oldest { after }
        }
        (_, _, Some("newest" | "oldest") | None) => {
            return Err(invalid("order", "`before` goes with newest first, `after` with oldest"));
        }
        (_, _, Some(_)) => return Err(invalid("order", "`newest` or `oldest` is expected")),
    };
    Ok(Paging { direction, limit: query.limit.unwrap_or(PAGE) })
}

/// A parameter is not what is expected.
pub(crate) fn invalid(parameter: &str, error: impl std::fmt::Display) -> ProblemResponse {
    let problem = problem::QUERY_INVALID.says("A parameter is not what is expected.");
    problem.with_detail(format!("{parameter}: {error}"))
}

impl From<ResolveError> for ProblemResponse {
    fn from(error: ResolveError) -> Self {
        match &error {
            ResolveError::Person(_) | ResolveError::Workstation(_) | ResolveError::Case(_) => {
                problem::NOT_FOUND.because(&error)
            }
            ResolveError::Workstations(_) => problem::QUERY_INVALID.because(&error),
            ResolveError::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<AskError> for ProblemResponse {
    fn from(error: AskError) -> Self {
        match &error {
            AskError::Attendance(refused) => {
                let title = "IMP never reports attendance.";
                problem::ATTENDANCE_REFUSED.says(title).with_detail(refused.to_string())
            }
            AskError::CaseNotOpen => problem::CASE_STATE.because(&error),
            AskError::Storage(source) => problem::storage(&error, source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_one_way() {
        let order = |text: &str| Some(text.to_owned());
        for (query, expected) in [
            (EventsQuery::default(), Some(Direction::Newest { before: None })),
            (
                EventsQuery { before: Some(7), ..EventsQuery::default() },
                Some(Direction::Newest { before: Some(7) }),
            ),
            (
                EventsQuery { after: Some(7), ..EventsQuery::default() },
                Some(Direction::Oldest { after: Some(7) }),
            ),
            (
                EventsQuery { order: order("oldest"), ..EventsQuery::default() },
                Some(Direction::Oldest { after: None }),
            ),
            (
                EventsQuery { after: Some(7), order: order("newest"), ..EventsQuery::default() },
                None,
            ),
            (
                EventsQuery { before: Some(7), order: order("oldest"), ..EventsQuery::default() },
                None,
            ),
            (EventsQuery { before: Some(7), after: Some(3), ..EventsQuery::default() }, None),
            (EventsQuery { order: order("best"), ..EventsQuery::default() }, None),
        ] {
            let paging = paging(&query).ok().map(|paging| paging.direction);
            assert_eq!(paging, expected, "{query:?}");
        }
    }
}
