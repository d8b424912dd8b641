//! The tap: what a workstation asks for, and what came of it.
use jiff::Timestamp;

use crate::id::{PhoneId, SessionId, TapId, UserId, WorkstationId};
use crate::refusal::{Abandonment, Refusal};

/// Why a phone and a face are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Open a session.
    TapIn,
    /// Resume a suspended session.
    Unlock,
    /// Confirm one act within a session.
    StepUp,
    /// End the session.
    TapOut,
}

crate::name::codes! { Purpose: TapIn = "tap-in", Unlock = "unlock", StepUp = "step-up", TapOut = "tap-out" }

/// How the person showed that she wants it (SP 800-63B-4 §3.2.8: a face before a camera is not intent).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    /// A press on the workstation's screen.
    Screen,
    /// A key of the workstation.
    Key,
    /// A press on the phone.
    Phone,
}

crate::name::codes! { Intent: Screen = "screen", Key = "key", Phone = "phone" }

/// One tap and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tap {
    /// Names this tap.
    pub id: TapId,
    /// Where.
    pub workstation: WorkstationId,
    /// The phone that was asked, if one was.
    pub phone: Option<PhoneId>,
    /// The person whom the phone stands for, if known.
    pub user: Option<UserId>,
    /// What for.
    pub purpose: Purpose,
    /// When it was decided.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// Accepted.
    Accepted {
        /// The session it opened, resumed, stepped up or ended.
        session: SessionId,
    },
    /// The server refused.
    Refused {
        /// Why.
        reason: Refusal,
    },
    /// The workstation gave up before there was anything to decide.
    Abandoned {
        /// Why.
        reason: Abandonment,
    },
}

/// How long one step of a tap took, as the workstation measured it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Step {
    /// The step, in kebab case, such as `ble-connect`, `tls`, `capture`, `compare`.
    pub name: String,
    /// Microseconds.
    pub micros: u64,
}
