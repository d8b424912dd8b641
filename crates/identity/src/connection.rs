//! Why machines refuse each other, and each other's messages.
use serde::{Deserialize, Serialize};

/// Why a machine is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineRefusal {
    /// No authority that we know signed its certificate, or it showed none.
    UnknownIssuer,
    /// Its certificate is over.
    Expired,
    /// Its certificate does not count yet.
    NotYetValid,
    /// Its certificate was revoked or is held.
    Revoked,
    /// What it showed is no certificate of a machine.
    Malformed,
    /// It is suspended, quarantined or retired.
    Inactive,
}

crate::name::codes! { MachineRefusal:
    UnknownIssuer = "unknown-issuer",
    Expired = "expired",
    NotYetValid = "not-yet-valid",
    Revoked = "revoked",
    Malformed = "malformed",
    Inactive = "inactive",
}

/// Why a message is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageRefusal {
    /// It was accepted before.
    Replayed,
    /// A later one was accepted before.
    Reordered,
    /// Its signature does not fit.
    Altered,
    /// It is older than is allowed.
    Late,
    /// Its time lies ahead of the receiver's clock.
    Early,
    /// No machine that we know signed it.
    UnknownSender,
    /// It is for another receiver.
    Misdirected,
    /// It cannot be read.
    Malformed,
}

crate::name::codes! { MessageRefusal:
    Replayed = "replayed",
    Reordered = "reordered",
    Altered = "altered",
    Late = "late",
    Early = "early",
    UnknownSender = "unknown-sender",
    Misdirected = "misdirected",
    Malformed = "malformed",
}
