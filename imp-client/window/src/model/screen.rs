//! What is shown, as it follows from what is known.
use imp_identity::Refusal;
use imp_identity::refusal::Abandonment;
use imp_identity::tap::Purpose;
use imp_socket::{Hint, Leaving, Person, RadioState, Reach, ScreenState, Switched, TapOutcome};

use super::{Agent, Model, Page, UnderWay};

/// What is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Screen {
    /// Nothing was heard of the agent yet.
    Starting,
    /// The agent does not answer.
    AgentAway,
    /// Nobody is signed in.
    Idle,
    /// Somebody is signed in and away.
    Locked,
    /// Somebody is at work.
    Open,
    /// She seems to have left.
    Leaving(Leaving),
    /// The desktop has just changed hands.
    Guard(Switched),
    /// A tap or an enrolment is under way.
    Looking {
        /// What to do now.
        hint: Option<Hint>,
        /// It can be stopped here.
        stoppable: bool,
    },
    /// A security key is asked, or the server about an emergency.
    Waiting {
        /// For a security key.
        key: bool,
    },
    /// Several people come into question.
    Choose(Vec<Person>),
    /// Somebody was not let in.
    Refused(Why),
    /// The PIN of a security key is asked for.
    Pin,
    /// Name and reason are asked for.
    Emergency,
}

/// Why somebody was not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The server said no.
    Refused {
        /// Why.
        reason: Refusal,
        /// What could have been better about the face.
        hint: Option<Hint>,
    },
    /// The workstation gave up.
    Abandoned {
        /// Why.
        reason: Abandonment,
        /// What would have helped.
        hint: Option<Hint>,
    },
    /// Something else is under way.
    Busy,
    /// A security key, or an emergency, in the agent's words.
    Failed {
        /// Why.
        message: String,
    },
}

/// Whose desktop it is: shown on every screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Who; nobody if absent.
    pub(crate) name: Option<String>,
    /// She is away.
    pub(crate) locked: bool,
}

/// Seconds by which the clock has to be off for everybody to be told.
const CLOCK_OFF: u64 = 60;

/// What everybody should know, whatever is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The server does not answer.
    Offline {
        /// Messages that wait for it.
        waiting: usize,
        /// Minutes for which this workstation decides on its own, where it may.
        minutes_left: Option<u32>,
    },
    /// The server refuses what was decided without it.
    JournalRefused,
    /// This machine's clock is so many seconds from the server's.
    ClockOff {
        /// Seconds.
        seconds: u64,
    },
    /// The radio does not hear.
    RadioFails,
    /// The machine's own screen is not locked, and should be.
    NotLocked,
    /// The machine's own screen is locked, and should be open.
    NotOpened,
}

impl Model {
    /// What is to be shown.
    pub(crate) fn screen(&self) -> Screen {
        let status = match &self.agent {
            Agent::Unheard => return Screen::Starting,
            Agent::Away => return Screen::AgentAway,
            Agent::Here(status) => status,
        };
        match self.under_way {
            Some(UnderWay::Key) => return Screen::Waiting { key: true },
            Some(UnderWay::Emergency) => return Screen::Waiting { key: false },
            Some(UnderWay::Tap) => {
                let hint = status.tapping.and_then(|tapping| tapping.hint);
                return Screen::Looking { hint, stoppable: true };
            }
            None => {}
        }
        if let Some(tapping) = status.tapping {
            return Screen::Looking { hint: tapping.hint, stoppable: false };
        }
        if let Some(leaving) = status.leaving {
            return Screen::Leaving(leaving);
        }
        match (&self.page, &status.guard, &status.signed_in) {
            (Page::Refused(why), _, _) => Screen::Refused(why.clone()),
            (Page::Choose { people, .. }, _, _) => Screen::Choose(people.clone()),
            (Page::Pin, _, _) => Screen::Pin,
            (Page::Emergency, _, _) => Screen::Emergency,
            (Page::Home, Some(switched), Some(_)) if !status.locked => {
                Screen::Guard(switched.clone())
            }
            (Page::Home, _, Some(_)) if status.locked => Screen::Locked,
            (Page::Home, _, Some(_)) => Screen::Open,
            (Page::Home, _, None) => Screen::Idle,
        }
    }

    /// Whose desktop it is; unknown without the agent.
    pub(crate) fn owner(&self) -> Option<Owner> {
        let status = self.status()?;
        let name = status.signed_in.as_ref().map(|s| s.person.display_name.clone());
        Some(Owner { locked: status.locked && name.is_some(), name })
    }

    /// What everybody should know.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        let Some(status) = self.status() else { return vec![] };
        let offline = (status.server == Reach::Unreachable).then_some(Notice::Offline {
            waiting: status.untold + status.alone.map_or(0, |alone| alone.waiting),
            minutes_left: status.alone.map(|alone| alone.minutes_left),
        });
        let refused = status.alone.filter(|alone| alone.refused).map(|_| Notice::JournalRefused);
        let clock = status.clock_ahead.map(i64::unsigned_abs).filter(|off| *off >= CLOCK_OFF);
        let clock = clock.map(|seconds| Notice::ClockOff { seconds });
        let radio =
            matches!(status.radio, RadioState::Failing { .. }).then_some(Notice::RadioFails);
        let screen = match &status.screen {
            ScreenState::NotLocked { .. } => Some(Notice::NotLocked),
            ScreenState::NotOpened { .. } => Some(Notice::NotOpened),
            ScreenState::Starting
            | ScreenState::Uncontrolled
            | ScreenState::Locked
            | ScreenState::Open
            | ScreenState::SignIn => None,
        };
        screen.into_iter().chain(refused).chain(offline).chain(radio).chain(clock).collect()
    }

    /// How the workstation is called.
    pub(crate) fn workstation(&self) -> Option<&str> {
        self.status().map(|status| status.workstation.as_str())
    }

    /// Milliseconds from the press to the open desktop, of whoever is at work.
    pub(crate) fn took(&self) -> Option<u64> {
        let status = self.status().filter(|status| !status.locked)?;
        let tap = status.last_tap.as_ref()?;
        let TapOutcome::Accepted { session } = &tap.outcome else { return None };
        let hers = status.signed_in.as_ref().is_some_and(|mine| mine.session == session.id);
        let opened = hers && tap.purpose != Some(Purpose::StepUp);
        let total = tap.steps.iter().find(|step| step.name == "total").filter(|_| opened)?;
        Some(total.micros / 1000)
    }
}
