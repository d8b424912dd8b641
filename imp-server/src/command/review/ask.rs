//! Whether a question may be asked, and the entry that says that it was.
use imp_events::attendance::{self, Circumstances, Form, refuse_attendance};
use imp_events::{AttendanceRefused, Question};
use imp_identity::event::Reading;
use imp_identity::{Actor, Event};
use imp_storage::{StorageError, Transaction};
use jiff::{SignedDuration, Timestamp};

use crate::command::Context;
use crate::store::Tables as _;

/// What is asked about one person when no time is named.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

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

/// Appends the entry that says who read what, and answers its index. Called after the reading and before the answer
/// leaves, or before anything is read: no answer without it.
pub async fn record_reading(
    context: &mut Context<'_>,
    actor: &Actor,
    means: Reading,
    question: &Question,
) -> Result<u64, StorageError> {
    let event = Event::LogRead {
        means,
        question: question.to_json(),
        user: question.person,
        workstation: question.workstation,
        case: question.case,
    };
    let mut transaction = context.storage.begin().await?;
    let appended = context.append(&mut transaction, actor, event).await?;
    transaction.commit().await?;
    Ok(appended.index)
}

/// A reading that may begin and was recorded.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The question that is answered: with the times that were meant where none were named.
    pub question: Question,
    /// The index of the entry that records the reading: what was there before lies before it.
    pub index: u64,
}

/// Begins an answer of many pages, of which the log gets one entry: refuses what may not be asked, and appends
/// `log-read`.
pub async fn begin_reading(
    context: &mut Context<'_>,
    actor: &Actor,
    question: Question,
    form: Form,
    means: Reading,
) -> Result<Begun, AskError> {
    let question = with_times(question, context.now);
    let mut transaction = context.storage.read().await?;
    permit_question(&mut transaction, actor, &question, form, context.now).await?;
    drop(transaction);
    let index = record_reading(context, actor, means, &question).await?;
    Ok(Begun { question, index })
}

/// The last day, where a person's presence is asked for without a time and without a case.
pub(super) fn with_times(question: Question, now: Timestamp) -> Question {
    let of_somebody = question.person.is_some() || question.device.is_some();
    let without_times = question.from.is_none() && question.until.is_none();
    let presence = attendance::shows_presence(&question);
    if !(of_somebody && without_times && question.case.is_none() && presence) {
        return question;
    }
    // What happens at this very instant belongs to it.
    let until = now.checked_add(SignedDuration::from_secs(1)).unwrap_or(now);
    Question { from: until.checked_sub(A_DAY).ok(), until: Some(until), ..question }
}
