//! The enrolment of a person.
use imp_identity::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What an officer asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolCommand {
    /// Whom to enrol.
    pub username: String,
    /// The version of the notice that she read and agreed to.
    pub notice: String,
    /// The officer's bearer token.
    pub officer_token: Secret<String>,
}

/// How far an enrolment has come, for the officer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum Progress {
    /// The server knows of it: the phone has to scan this.
    Opened {
        /// Who is enrolled.
        display_name: String,
        /// `imp:bind?…`
        invitation: String,
        /// First instant at which it can no longer be completed.
        expires_at: Timestamp,
        /// It was begun earlier and is taken up.
        resumed: bool,
    },
    /// The phone is bound.
    PhoneBound,
    /// Photographs cannot be used and are taken again.
    Again {
        /// What to do better.
        hint: String,
    },
    /// The photographs are good.
    Photographed {
        /// How many.
        photographs: usize,
    },
    /// The reference is tried: she is looked at once more.
    Trying,
    /// The server has signed the reference.
    Signed,
    /// The phone is not heard: it should come closer.
    WaitingForPhone,
    /// The phone keeps the reference.
    Stored,
}

/// The enrolment is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// Who.
    pub display_name: String,
    /// Of an enrolment that a crash interrupted after its last step, nothing else is known.
    pub photographs: usize,
    /// The phone has its receipt.
    pub receipt_delivered: bool,
}
