//! How the workstation is: who is signed in, and whether everything works that a tap needs.
use imp_identity::SessionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::tap::{Hint, Person, TapReport};

/// The workstation at this moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// How the workstation is shown to people.
    pub workstation: String,
    /// Who is signed in, also while the desktop is locked.
    pub signed_in: Option<SignedIn>,
    /// Nobody can work: locked, nobody signed in, or not known yet.
    pub locked: bool,
    /// The tap or enrolment that is under way, whoever asked for it.
    #[serde(default)]
    pub tapping: Option<Tapping>,
    /// She seems to have left, and the desktop is about to be locked.
    #[serde(default)]
    pub leaving: Option<Leaving>,
    /// The desktop has just changed hands: whoever types should look whose it is.
    #[serde(default)]
    pub guard: Option<Switched>,
    /// What the screen of the machine's own desktop does.
    #[serde(default)]
    pub screen: ScreenState,
    /// Whose phones are near.
    pub near: Vec<Person>,
    /// Phones near that are not bound to anybody here.
    pub unknown_phones: usize,
    /// Whether the radio hears.
    pub radio: RadioState,
    /// Whether the server answered last.
    pub server: Reach,
    /// When the certificate is due to be renewed.
    pub certificate_renew_after: Timestamp,
    /// First instant at which it no longer counts.
    pub certificate_expires_at: Timestamp,
    /// The roster at hand, if there is one.
    pub roster: Option<RosterStatus>,
    /// Challenges that were asked for ahead.
    pub challenges: usize,
    /// Messages that the server was not told yet.
    pub untold: usize,
    /// The last tap.
    pub last_tap: Option<TapReport>,
    /// Seconds by which this machine's clock is ahead of the server's, as the last answer with a time in it showed; negative: behind.
    #[serde(default)]
    pub clock_ahead: Option<i64>,
    /// What this workstation may decide without the server, where the policy lets it.
    #[serde(default)]
    pub alone: Option<AloneStatus>,
}

/// What a workstation may decide without the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AloneStatus {
    /// Whole minutes for which it still may.
    pub minutes_left: u32,
    /// Decisions that the server was not told yet.
    pub waiting: usize,
    /// The server does not take them: `imp-client journal` says more.
    pub refused: bool,
}

/// A tap or an enrolment that is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tapping {
    /// What the person should do now, if anything.
    pub hint: Option<Hint>,
}

/// She seems to have left: the desktop is locked when the time is up, unless [`crate::Request::Stay`] or a key says that she has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// Whole seconds until it is locked.
    pub seconds_left: u8,
    /// What says so.
    pub reason: LeavingReason,
}

/// What says that she has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeavingReason {
    /// Her phone is heard from far away.
    SignalLow,
    /// Her phone is heard no longer.
    PhoneSilent,
    /// The connection to her phone was lost.
    LinkLost,
    /// Nobody has touched anything for long.
    Idle,
}

/// The desktop has changed hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switched {
    /// Whose it was.
    pub from: Option<Person>,
    /// Whose it is.
    pub to: Person,
    /// Since when.
    pub at: Timestamp,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// Who.
    #[serde(flatten)]
    pub person: Person,
    /// Her session.
    pub session: SessionId,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}

/// What the screen of the machine's own desktop does: it follows who is signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ScreenState {
    /// Not told anything yet.
    #[default]
    Starting,
    /// It is not the agent's to lock: only a window covers it.
    Uncontrolled,
    /// It is locked.
    Locked,
    /// It is open.
    Open,
    /// She is signed in here, and has no desktop of her own yet: she signs in at the display manager.
    SignIn,
    /// It should be locked and is not, or does not say so. Tried again until it is.
    NotLocked {
        /// Why.
        reason: String,
    },
    /// It should be open and is not. Tried again until it is.
    NotOpened {
        /// Why.
        reason: String,
    },
}

/// Whether the radio hears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum RadioState {
    /// Not opened yet.
    #[default]
    Starting,
    /// It hears.
    Listening,
    /// It cannot be used.
    Failing {
        /// Why.
        reason: String,
    },
}

/// What the last request said about the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Nothing was asked yet.
    #[default]
    Unknown,
    /// It answers.
    Reachable,
    /// It does not, or is not the one that is trusted.
    Unreachable,
}

/// How fresh the roster is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterStatus {
    /// Phones in it.
    pub phones: usize,
    /// When the server made it.
    pub issued_at: Timestamp,
    /// First instant at which it no longer counts.
    pub expires_at: Timestamp,
}
