//! Whether a question may be asked, and the entry that says that it was.
use imp_events::attendance::{self, Circumstances, Form, refuse_attendance};
use imp_events::{AttendanceRefused, Question};
use imp_identity::event::Reading;
use imp_identity::{Actor, Event};
use imp_storage::{StorageError, Transaction};
use jiff::Timestamp;

use crate::command::Context;
use crate::store::Tables as _;

/// The question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It would have shown when somebody was at work.
    #[error(transparent)]
    Attendance(#[from] AttendanceRefused),
    /// A question is asked for a case only while somebody answers for that.
    #[error("the case for which this is asked is not open")]
    CaseNotOpen,
    /// See the source.
    #[error("could not read the log")]
    Storage(#[from] StorageError),
}

/// Refuses what `actor` may not ask at `now`: a question for a case that is not open, and attendance reports, also those
/// that are put together from pieces.
pub async fn permit_question(
    transaction: &mut Transaction,
    actor: &Actor,
    question: &Question,
    form: Form,
    now: Timestamp,
) -> Result<(), AskError> {
    let case_is_open = match question.case {
        None => false,
        Some(id) => {
            let case = transaction.cases().find(id).await?;
            case.filter(imp_identity::case::Case::is_open).ok_or(AskError::CaseNotOpen)?;
            true
        }
    };
    let of_somebody = question.person.is_some() || question.device.is_some();
    let earlier = if of_somebody && !case_is_open && attendance::shows_presence(question) {
        earlier_questions(transaction, actor, now).await?
    } else {
        vec![]
    };
    let circumstances = Circumstances { form, case_is_open, earlier: &earlier };
    Ok(refuse_attendance(question, &circumstances)?)
}

/// What the same reader asked without a case within the time that counts.
async fn earlier_questions(
    transaction: &mut Transaction,
    actor: &Actor,
    now: Timestamp,
) -> Result<Vec<Question>, StorageError> {
    let since = now.checked_sub(attendance::MEMORY).unwrap_or(Timestamp::MIN);
    let readings = transaction.search().readings(actor, since).await?;
    let question = |event: Event| {
        let Event::LogRead { means, question, case: None, .. } = event else { return None };
        // Her own uses are hers to read.
        if means == Reading::Own { None } else { Question::from_json(&question).ok() }
    };
    Ok(readings.into_iter().filter_map(question).collect())
}

/// Appends the entry that says who read what. Called after the reading and before the answer leaves: no answer without it.
pub async fn record_reading(
    context: &mut Context<'_>,
    actor: &Actor,
    means: Reading,
    question: &Question,
) -> Result<(), StorageError> {
    let event = Event::LogRead {
        means,
        question: question.to_json(),
        user: question.person,
        workstation: question.workstation,
        case: question.case,
    };
    let mut transaction = context.storage.begin().await?;
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await
}
