//! IMP never reports attendance or working time. This is the rule, once: whoever answers questions asks it first.
//!
//! Taps and sessions show when a person was at work. Read over weeks, the first and the last of each day are a time
//! sheet, whatever they were recorded for (GDPR Art. 5(1)(b), purpose limitation). Read around an incident, they are what
//! an investigator needs. What tells the two apart is time, and a case that somebody opened and answers for.
use imp_identity::event::Outcome;
use jiff::{SignedDuration, Timestamp};

use crate::question::Question;

/// The longest time of one person's presence that may be read without an open case.
pub const MOST_OF_A_PERSON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The longest time of everybody's presence that may be taken away as a table without an open case.
pub const MOST_OF_EVERYBODY: SignedDuration = SignedDuration::from_hours(24);

/// How far back a reader's own questions about the same person count: see [`Circumstances::earlier`].
pub const MEMORY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// In what form the answer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Page by page, in the order of the log, for somebody who reads.
    Pages,
    /// As a table that a spreadsheet sorts: CSV.
    Table,
    /// As audit records for another system that keeps them: FHIR, ATNA, OCSF, CEF.
    Archive,
    /// Live, as it happens.
    Live,
}

/// Under what circumstances a question is asked.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// In what form the answer is given.
    pub form: Form,
    /// Whether [`Question::case`] names a case that is open.
    pub case_is_open: bool,
    /// What the same reader asked about the same person within [`MEMORY`], without an open case: a month cut into weeks
    /// is a month.
    pub earlier: &'a [Question],
}

/// The question asks for an attendance report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttendanceRefused {
    /// Too long a time of one person.
    #[error(
        "this would show when one person was at work over more than 7 days: IMP never reports attendance; ask about a \
         shorter time, about refused taps only, or name an open case"
    )]
    Person,
    /// The same, cut into pieces.
    #[error(
        "together with what you asked about this person in the last 30 days, this would show when she was at work over \
         more than 7 days: IMP never reports attendance; name an open case"
    )]
    Pieces,
    /// Too long a time of everybody, in a form that is made for sorting.
    #[error(
        "this would list when people were at work over more than a day: IMP never reports attendance; ask about a \
         shorter time, leave out taps and sessions, or name an open case"
    )]
    Everybody,
    /// One person, live.
    #[error("this would follow one person as she works: IMP never does that; name an open case")]
    Following,
}

/// Refuses a question whose answer would be an attendance or working-time report.
pub fn refuse_attendance(
    question: &Question,
    circumstances: &Circumstances<'_>,
) -> Result<(), AttendanceRefused> {
    if circumstances.case_is_open || !shows_presence(question) {
        return Ok(());
    }
    let within = |most| question.span().is_some_and(|span| span <= most);
    match (names_a_person(question), circumstances.form) {
        (true, Form::Live) => Err(AttendanceRefused::Following),
        (true, Form::Pages | Form::Table | Form::Archive) => {
            if !within(MOST_OF_A_PERSON) {
                Err(AttendanceRefused::Person)
            } else if together(question, circumstances.earlier) > MOST_OF_A_PERSON {
                Err(AttendanceRefused::Pieces)
            } else {
                Ok(())
            }
        }
        // In the order of the log and page by page, nobody's days can be told apart without reading them all.
        (false, Form::Pages | Form::Live) => Ok(()),
        (false, Form::Archive) if is_whole(question) => Ok(()),
        (false, Form::Table | Form::Archive) if within(MOST_OF_EVERYBODY) => Ok(()),
        (false, Form::Table | Form::Archive) => Err(AttendanceRefused::Everybody),
    }
}

/// Whether an answer could say that somebody was at work: a type that shows presence is asked for, and not only what was
/// refused or abandoned.
pub fn shows_presence(question: &Question) -> bool {
    let happened = match question.outcome {
        None | Some(Outcome::Accepted) => true,
        Some(Outcome::Refused | Outcome::Abandoned) => false,
    };
    let kinds = &question.kinds;
    happened && (kinds.is_empty() || kinds.iter().any(|kind| kind.event_type().presence))
}

/// A phone is somebody's phone.
const fn names_a_person(question: &Question) -> bool {
    question.person.is_some() || question.device.is_some()
}

/// Whether it chooses nothing but a time: an archive of the log itself.
fn is_whole(question: &Question) -> bool {
    question.kinds.is_empty() && question.workstation.is_none() && question.outcome.is_none()
}

/// How much time is covered by a question and by those of `earlier` that ask for the same person's presence.
fn together(question: &Question, earlier: &[Question]) -> SignedDuration {
    let same = |other: &&Question| {
        let person = question.person.is_some() && other.person == question.person;
        let device = question.device.is_some() && other.device == question.device;
        (person || device) && shows_presence(other)
    };
    let mut spans: Vec<(Timestamp, Timestamp)> = earlier
        .iter()
        .filter(same)
        .chain([question])
        .filter_map(|question| Some((question.from?, question.until?)))
        .collect();
    spans.sort_unstable();
    let mut covered = SignedDuration::ZERO;
    let mut end = Timestamp::MIN;
    for (from, until) in spans {
        let begin = from.max(end);
        if until > begin {
            covered = covered.saturating_add(until.duration_since(begin));
            end = until;
        }
    }
    covered
}

#[cfg(test)]
mod tests;
