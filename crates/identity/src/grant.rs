//! What applications are granted in a user's name (OAuth 2.0).
use serde::{Deserialize, Serialize};

/// Why a grant counts no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantEnd {
    /// Its authorization code was used twice (RFC 6749 §4.1.2).
    CodeReused,
    /// One of its refresh tokens was used twice (RFC 9700 §4.14.2).
    RefreshReused,
    /// The user signed out.
    SignedOut,
    /// The application gave it back (RFC 7009).
    Client,
    /// The user withdrew it.
    User,
    /// An administrator withdrew it.
    Administrator,
    /// The user was disabled.
    UserDisabled,
    /// The application was removed.
    ClientRemoved,
}

crate::name::codes! { GrantEnd:
    CodeReused = "code-reused",
    RefreshReused = "refresh-reused",
    SignedOut = "signed-out",
    Client = "client",
    User = "user",
    Administrator = "administrator",
    UserDisabled = "user-disabled",
    ClientRemoved = "client-removed",
}
