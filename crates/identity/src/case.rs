//! Cases: what a security officer looks into, from the entry that raised the question to the reason it was closed.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::id::{CaseId, UserId, WorkstationId};
use crate::name::{Label, Remark};

/// The most entries of the log that one case holds together.
pub const MOST_ENTRIES: usize = 1000;

/// A question about entries of the log, and what became of it. Its history is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Names this case.
    pub id: CaseId,
    /// What people call it: cases count from 1, without gaps.
    pub number: u64,
    /// What it is about, in a line.
    pub title: Label,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it changed last.
    pub changed_at: Timestamp,
    /// The person whom it is about.
    pub user: Option<UserId>,
    /// The workstation that it is about.
    pub workstation: Option<WorkstationId>,
    /// The places in the log of the entries that it is about, lowest first.
    pub entries: Vec<u64>,
    /// Who looks into it.
    pub assignee: Option<UserId>,
    /// Whether it is being looked into.
    pub state: State,
}

/// What a case is opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What it is about, in a line.
    pub title: Label,
    /// The person whom it is about.
    pub user: Option<UserId>,
    /// The workstation that it is about.
    pub workstation: Option<WorkstationId>,
    /// The places in the log of the entries that raise the question.
    pub entries: Vec<u64>,
}

/// Whether a case is being looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is.
    Open,
    /// It is not any more.
    Closed {
        /// When.
        at: Timestamp,
        /// What was found.
        conclusion: Conclusion,
        /// Why that was concluded.
        reason: Remark,
    },
}

/// What a case came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// Everything was as it should be.
    Legitimate,
    /// Somebody misused what was not hers to use.
    Misuse,
    /// A device, a rule or a program was wrong.
    Technical,
    /// Another case is about the same.
    Duplicate,
    /// It cannot be found out.
    Inconclusive,
}

/// The case does not allow this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// It must be reopened first.
    #[error("the case is closed")]
    Closed,
    /// There is nothing to reopen.
    #[error("the case is open")]
    Open,
    /// She has it already.
    #[error("the case is assigned to this person already")]
    AssignedAlready,
    /// See [`MOST_ENTRIES`].
    #[error("a case holds {MOST_ENTRIES} entries of the log at most")]
    TooManyEntries,
}

crate::name::codes! { Conclusion:
    Legitimate = "legitimate",
    Misuse = "misuse",
    Technical = "technical",
    Duplicate = "duplicate",
    Inconclusive = "inconclusive",
}

impl Case {
    /// Opens a case.
    pub fn open(
        id: CaseId,
        number: u64,
        opening: Opening,
        now: Timestamp,
    ) -> Result<(Self, Event), CaseError> {
        let Opening { title, user, workstation, entries } = opening;
        let entries = joined(vec![], &entries)?;
        let event = Event::CaseOpened {
            case: id,
            number,
            title: title.clone(),
            user,
            workstation,
            entries: entries.clone(),
        };
        let case = Self {
            id,
            number,
            title,
            opened_at: now,
            changed_at: now,
            user,
            workstation,
            entries,
            assignee: None,
            state: State::Open,
        };
        Ok((case, event))
    }

    /// Whether it is being looked into.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Gives the case to somebody.
    pub fn assign(mut self, assignee: UserId, now: Timestamp) -> Result<(Self, Event), CaseError> {
        self.must_be_open()?;
        if self.assignee == Some(assignee) {
            return Err(CaseError::AssignedAlready);
        }
        self.assignee = Some(assignee);
        self.changed_at = now;
        let event = Event::CaseAssigned { case: self.id, assignee };
        Ok((self, event))
    }

    /// Says something about the case, and adds entries that belong to it.
    pub fn comment(
        mut self,
        comment: Remark,
        entries: &[u64],
        now: Timestamp,
    ) -> Result<(Self, Event), CaseError> {
        self.must_be_open()?;
        let entries = joined(vec![], entries)?;
        self.entries = joined(self.entries, &entries)?;
        self.changed_at = now;
        let event = Event::CaseCommented { case: self.id, comment, entries };
        Ok((self, event))
    }

    /// Ends it, with what was found and why.
    pub fn close(
        mut self,
        conclusion: Conclusion,
        reason: Remark,
        now: Timestamp,
    ) -> Result<(Self, Event), CaseError> {
        self.must_be_open()?;
        let event = Event::CaseClosed { case: self.id, conclusion, reason: reason.clone() };
        self.state = State::Closed { at: now, conclusion, reason };
        self.changed_at = now;
        Ok((self, event))
    }

    /// Takes it up again.
    pub fn reopen(mut self, reason: Remark, now: Timestamp) -> Result<(Self, Event), CaseError> {
        match self.state {
            State::Open => Err(CaseError::Open),
            State::Closed { .. } => {
                self.state = State::Open;
                self.changed_at = now;
                let event = Event::CaseReopened { case: self.id, reason };
                Ok((self, event))
            }
        }
    }

    fn must_be_open(&self) -> Result<(), CaseError> {
        match self.state {
            State::Open => Ok(()),
            State::Closed { .. } => Err(CaseError::Closed),
        }
    }
}

/// Both, lowest first, none twice.
fn joined(mut entries: Vec<u64>, more: &[u64]) -> Result<Vec<u64>, CaseError> {
    entries.extend_from_slice(more);
    entries.sort_unstable();
    entries.dedup();
    if entries.len() > MOST_ENTRIES { Err(CaseError::TooManyEntries) } else { Ok(entries) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn case() -> Case {
        let opening = Opening {
            title: "Who was at bed 7?".parse().unwrap(),
            user: None,
            workstation: None,
            entries: vec![9, 4, 9],
        };
        Case::open(CaseId::from(Uuid::from_u128(7)), 1, opening, NOW).unwrap().0
    }

    fn note(text: &str) -> Remark {
        text.parse().unwrap()
    }

    #[test]
    fn a_case_is_closed_with_a_reason_and_taken_up_again() {
        let later = NOW + 1.hour();
        let (case, event) =
            case().close(Conclusion::Legitimate, note("She swapped."), later).unwrap();
        assert_eq!(
            event,
            Event::CaseClosed {
                case: case.id,
                conclusion: Conclusion::Legitimate,
                reason: note("She swapped.")
            }
        );
        assert!(!case.is_open());
        let ada = UserId::from(Uuid::from_u128(1));
        assert_eq!(case.clone().assign(ada, later), Err(CaseError::Closed));
        assert_eq!(case.clone().comment(note("?"), &[], later), Err(CaseError::Closed));
        let again = case.clone().close(Conclusion::Misuse, note("No."), later);
        assert_eq!(again, Err(CaseError::Closed));
        let (case, _) = case.reopen(note("The roster says otherwise."), later).unwrap();
        assert!(case.is_open());
        assert_eq!(case.reopen(note("Again."), later), Err(CaseError::Open));
    }

    #[test]
    fn a_case_is_given_to_one_person_after_another() {
        let (ada, bea) = (UserId::from(Uuid::from_u128(1)), UserId::from(Uuid::from_u128(2)));
        let (case, _) = case().assign(ada, NOW).unwrap();
        assert_eq!(case.clone().assign(ada, NOW), Err(CaseError::AssignedAlready));
        let (case, event) = case.assign(bea, NOW + 1.second()).unwrap();
        assert_eq!(event, Event::CaseAssigned { case: case.id, assignee: bea });
        assert_eq!((case.assignee, case.changed_at), (Some(bea), NOW + 1.second()));
    }

    #[test]
    fn entries_are_kept_once_and_are_bounded() {
        let case = case();
        assert_eq!(case.entries, [4, 9]);
        let (case, event) = case.comment(note("See also"), &[5, 4], NOW).unwrap();
        assert_eq!(case.entries, [4, 5, 9]);
        let said =
            Event::CaseCommented { case: case.id, comment: note("See also"), entries: vec![4, 5] };
        assert_eq!(event, said);
        let many: Vec<u64> = (0..=1000).collect();
        assert_eq!(case.comment(note("All"), &many, NOW), Err(CaseError::TooManyEntries));
        let opening =
            Opening { title: "All".parse().unwrap(), user: None, workstation: None, entries: many };
        let opened = Case::open(CaseId::from(Uuid::from_u128(8)), 2, opening, NOW);
        assert_eq!(opened, Err(CaseError::TooManyEntries));
    }
}
