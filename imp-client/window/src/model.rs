//! What the window knows, and how that changes: by what the agent says, by what the person does, and by time. It draws nothing and asks nobody.
mod screen;

use std::time::{Duration, Instant};

use imp_identity::Secret;
use imp_identity::refusal::Abandonment;
use imp_identity::tap::{Intent, Purpose};
use imp_socket::{
    BreakGlassCommand, Frame, KeyCommand, Person, Request, StatusReport, TapCommand, TapOutcome,
    TapReport,
};

pub(crate) use screen::{Notice, Screen, Why};

/// How long a refusal or a form stays when nobody touches it: the next person shall find the way in, and no name.
const PATIENCE: Duration = Duration::from_secs(45);

/// What happens.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The agent says how the workstation is.
    Status(Box<StatusReport>),
    /// The agent does not answer.
    AgentAway,
    /// The agent shows what the camera sees.
    Frame(Frame),
    /// What was asked for came to an end.
    Ended(Ended),
    /// The person wants something.
    Wish(Wish),
    /// The person touched a key or the pointer, whatever it was.
    Touched,
    /// Time goes by.
    Tick,
}

/// What came of what was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    /// A tap.
    Tap(Box<TapReport>),
    /// A security key, or an emergency: the status says who is at work.
    Done,
    /// It was not done.
    Failed(String),
}

/// What a person wants.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// To sign in, or to unlock.
    SignIn,
    /// To sign in although somebody else is at work.
    Switch,
    /// To be one of several people.
    Be(Person),
    /// To unlock with her phone alone.
    PhoneAlone,
    /// To unlock by touching her key.
    TouchKey,
    /// To type the PIN of her key.
    TypePin,
    /// To use the key with this PIN.
    UseKey(Secret<String>),
    /// To say why she must be let in.
    Explain,
    /// To be let in.
    BreakGlass {
        /// Who.
        username: String,
        /// Why.
        reason: String,
    },
    /// To lock the desktop.
    Lock,
    /// To end her session.
    SignOut,
    /// To stop what is under way, or to leave a form.
    Back,
}

/// What the agent is to be asked.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// Something that takes a while and ends with [`Input::Ended`]; what was under way is stopped.
    Begin(Request),
    /// Something whose answer the status will show.
    Tell(Request),
    /// What is under way is stopped.
    Stop,
}

/// What the window knows.
#[derive(Debug)]
pub(crate) struct Model {
    agent: Agent,
    page: Page,
    /// When the page was opened or touched last.
    touched: Instant,
    /// What this window has asked for and what has not ended.
    under_way: Option<UnderWay>,
    /// The last report that was taken note of, so that none is shown twice.
    noted: Option<TapReport>,
    frame: Option<Frame>,
}

#[derive(Debug)]
enum Agent {
    /// Nothing was heard yet.
    Unheard,
    Away,
    Here(Box<StatusReport>),
}

/// What the person has before her beside the state of the desktop.
#[derive(Debug, Default)]
enum Page {
    #[default]
    Home,
    Refused(Why),
    Choose {
        people: Vec<Person>,
        purpose: Option<Purpose>,
    },
    Pin,
    Emergency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnderWay {
    Tap,
    Key,
    Emergency,
}

impl Model {
    /// Nothing is known.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            agent: Agent::Unheard,
            page: Page::Home,
            touched: now,
            under_way: None,
            noted: None,
            frame: None,
        }
    }

    /// Takes note of what happened at `now`; what the agent is to be asked follows from it.
    pub(crate) fn take(&mut self, input: Input, now: Instant) -> Option<Command> {
        match input {
            Input::Status(status) => self.hear(status, now),
            Input::AgentAway => self.lose_agent(),
            Input::Frame(frame) => self.frame = Some(frame).filter(|_| self.is_looking()),
            Input::Ended(ended) => self.end(ended, now),
            Input::Wish(wish) => {
                self.touched = now;
                return self.wish(wish);
            }
            Input::Touched => {
                self.touched = now;
                let status = self.status();
                let asked = status.is_some_and(|s| s.leaving.is_some() || s.guard.is_some());
                return asked.then_some(Command::Tell(Request::Stay));
            }
            Input::Tick => {
                if now.saturating_duration_since(self.touched) >= PATIENCE {
                    self.page = Page::Home;
                }
            }
        }
        None
    }

    /// What the camera sees, while it looks.
    pub(crate) const fn frame(&self) -> Option<&Frame> {
        self.frame.as_ref()
    }

    fn status(&self) -> Option<&StatusReport> {
        match &self.agent {
            Agent::Here(status) => Some(status),
            Agent::Unheard | Agent::Away => None,
        }
    }

    fn is_looking(&self) -> bool {
        self.under_way.is_some() || self.status().is_some_and(|status| status.tapping.is_some())
    }

    fn hear(&mut self, status: Box<StatusReport>, now: Instant) {
        let first = self.status().is_none();
        let before = self.status().and_then(|known| known.last_tap.clone());
        let news = status.last_tap.clone().filter(|tap| !first && before.as_ref() != Some(tap));
        // Who signs in elsewhere, or is locked out, leaves no form behind for the next.
        let owner =
            |status: &StatusReport| (status.signed_in.as_ref().map(|s| s.session), status.locked);
        if self.status().is_some_and(|known| owner(known) != owner(&status)) {
            self.page = Page::Home;
        }
        self.agent = Agent::Here(status);
        if !self.is_looking() {
            self.frame = None;
        }
        // A tap that somebody else asked for: a key of the keyboard, the login screen.
        if let Some(report) = news
            && self.under_way.is_none()
        {
            self.note(report, now);
        }
    }

    fn lose_agent(&mut self) {
        self.agent = Agent::Away;
        self.page = Page::Home;
        self.under_way = None;
        self.frame = None;
    }

    fn end(&mut self, ended: Ended, now: Instant) {
        self.under_way = None;
        self.frame = None;
        match ended {
            Ended::Tap(report) => self.note(*report, now),
            Ended::Done => self.page = Page::Home,
            Ended::Failed(message) => {
                self.touched = now;
                self.page = Page::Refused(Why::Failed { message });
            }
        }
    }

    /// Shows what came of a tap, once.
    fn note(&mut self, report: TapReport, now: Instant) {
        if self.noted.as_ref() == Some(&report) {
            return;
        }
        self.touched = now;
        let purpose = report.purpose;
        self.page = match &report.outcome {
            TapOutcome::Choose { people } => Page::Choose { people: people.clone(), purpose },
            TapOutcome::Busy => Page::Refused(Why::Busy),
            TapOutcome::Refused { reason } => {
                Page::Refused(Why::Refused { reason: *reason, hint: report.hint })
            }
            TapOutcome::Accepted { .. }
            | TapOutcome::Abandoned { reason: Abandonment::Cancelled } => Page::Home,
            TapOutcome::Abandoned { reason } => {
                Page::Refused(Why::Abandoned { reason: *reason, hint: report.hint })
            }
            TapOutcome::Failed { message } => {
                Page::Refused(Why::Failed { message: message.clone() })
            }
        };
        self.noted = Some(report);
    }

    fn wish(&mut self, wish: Wish) -> Option<Command> {
        self.status()?;
        match wish {
            Wish::SignIn => Some(self.tap(None, None, false)),
            Wish::Switch => {
                let user = self.only_other_near();
                Some(self.tap(Some(Purpose::TapIn), user, false))
            }
            Wish::Be(person) => {
                let purpose = match &self.page {
                    Page::Choose { purpose, .. } => *purpose,
                    Page::Home | Page::Refused(_) | Page::Pin | Page::Emergency => None,
                };
                Some(self.tap(purpose, Some(person.username), false))
            }
            Wish::PhoneAlone => Some(self.tap(None, None, true)),
            Wish::SignOut => {
                let mine = self.status().and_then(|s| s.signed_in.as_ref());
                let user = mine.map(|signed_in| signed_in.person.username.clone());
                Some(self.tap(Some(Purpose::TapOut), user, false))
            }
            Wish::TouchKey => Some(self.key(None, true)),
            Wish::UseKey(pin) => {
                Some(self.key(Some(pin).filter(|p| !p.expose().is_empty()), false))
            }
            Wish::BreakGlass { username, reason } => self.break_glass(&username, &reason),
            Wish::TypePin => {
                self.page = Page::Pin;
                None
            }
            Wish::Explain => {
                self.page = Page::Emergency;
                None
            }
            Wish::Lock => {
                self.page = Page::Home;
                Some(Command::Tell(Request::Lock))
            }
            Wish::Back => {
                self.page = Page::Home;
                self.under_way.take().map(|_| Command::Stop)
            }
        }
    }

    fn tap(&mut self, purpose: Option<Purpose>, user: Option<String>, alone: bool) -> Command {
        self.page = Page::Home;
        self.under_way = Some(UnderWay::Tap);
        let intent = Intent::Screen;
        Command::Begin(Request::Tap(TapCommand { purpose, user, intent, phone_alone: alone }))
    }

    fn key(&mut self, pin: Option<Secret<String>>, touch: bool) -> Command {
        self.page = Page::Home;
        self.under_way = Some(UnderWay::Key);
        Command::Begin(Request::Key(KeyCommand { purpose: None, pin, touch }))
    }

    fn break_glass(&mut self, username: &str, reason: &str) -> Option<Command> {
        let [username, reason] = [username, reason].map(|text| text.trim().to_owned());
        if username.is_empty() || reason.is_empty() {
            return None;
        }
        self.page = Page::Home;
        self.under_way = Some(UnderWay::Emergency);
        Some(Command::Begin(Request::BreakGlass(BreakGlassCommand { username, reason })))
    }

    /// Who takes over, if only one person beside the one at work is near.
    fn only_other_near(&self) -> Option<String> {
        let status = self.status()?;
        let mine = status.signed_in.as_ref().map(|signed_in| &signed_in.person);
        let mut others = status.near.iter().filter(|person| Some(*person) != mine);
        let other = others.next()?;
        others.next().is_none().then(|| other.username.clone())
    }
}

#[cfg(test)]
pub(crate) mod tests;
