//! What enforcement points saw.
use imp_identity::spiffe::SpiffeId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ports::Protocol;

/// Connections of one kind between two machines, seen between two instants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// Who connected, or tried to.
    pub from: SpiffeId,
    /// To whom.
    pub to: SpiffeId,
    /// By what.
    pub protocol: Protocol,
    /// The port of whom it was connected to.
    pub port: u16,
    /// Whether they were expected then.
    pub outcome: Outcome,
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
}

/// Whether a connection was expected when it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was.
    Expected,
    /// It was not, and was refused.
    Refused,
    /// It was not, and was let through, because the route fails open or only watches.
    LetThrough,
}

/// The observation says what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidObservation {
    /// Nobody connects to port 0.
    #[error("an observation of port 0")]
    Port,
    /// Nothing was seen.
    #[error("an observation of no connection")]
    Nothing,
    /// The last was before the first.
    #[error("an observation whose last connection was before its first")]
    Backwards,
    /// It was seen at a time that has not come yet.
    #[error("an observation of the future")]
    Future,
}

impl Outcome {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Expected, Self::Refused, Self::LetThrough];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Refused => "refused",
            Self::LetThrough => "let-through",
        }
    }
}

impl Observation {
    /// Checks what the types do not. Clocks may differ until `latest`.
    pub fn validate(&self, latest: Timestamp) -> Result<(), InvalidObservation> {
        if self.port == 0 {
            Err(InvalidObservation::Port)
        } else if self.count == 0 {
            Err(InvalidObservation::Nothing)
        } else if self.last < self.first {
            Err(InvalidObservation::Backwards)
        } else if self.last > latest {
            Err(InvalidObservation::Future)
        } else {
            Ok(())
        }
    }
}
