//! Sign-ons: browsers in which a user is signed on to applications.
use serde::{Deserialize, Serialize};

/// Why a browser is no longer signed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignOnEnd {
    /// She signed out.
    SignedOut,
    /// The session of the desktop ended.
    SessionEnded,
    /// The session of the desktop was suspended.
    SessionSuspended,
    /// Somebody else signed on in the same browser.
    Superseded,
    /// A limit was reached.
    Expired,
    /// An administrator ended it.
    Administrator,
    /// The user was disabled.
    UserDisabled,
    /// The credential that opened it was removed.
    CredentialRemoved,
}

crate::name::codes! { SignOnEnd:
    SignedOut = "signed-out",
    SessionEnded = "session-ended",
    SessionSuspended = "session-suspended",
    Superseded = "superseded",
    Expired = "expired",
    Administrator = "administrator",
    UserDisabled = "user-disabled",
    CredentialRemoved = "credential-removed",
}
