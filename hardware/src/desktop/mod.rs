//! The graphical sessions of this machine: whose screen is locked, and how it is opened.
//!
//! What locks is the desktop itself; [`DesktopSession`] asks it to, and makes sure that it did. [`DesktopConfig::Logind`] asks by logind
//! (`org.freedesktop.login1`), which every desktop of a systemd machine listens to.
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

mod input;
mod logind;
#[cfg(any(test, feature = "emulator"))]
mod scripted;

pub use input::Touchable;
#[cfg(any(test, feature = "emulator"))]
pub use scripted::Scripted;

/// How long a question to logind may take, beside the waiting for a session to say what it did.
const PATIENCE: Duration = Duration::from_secs(5);

/// The graphical sessions of the machine, as far as they are on one seat.
#[async_trait]
pub trait DesktopSession: Send + Sync {
    /// Locks the screen of everybody who is signed in at the seat. Done only when each session says that it is locked.
    async fn lock(&self) -> Result<(), DesktopError>;

    /// Brings the session of the local `account` to the front and opens its lock; where she has none, that of a shared account, if that one is
    /// in front. Nobody else's session is ever opened.
    async fn unlock(&self, account: &str) -> Result<(), DesktopError>;

    /// How long nobody has touched keyboard or pointer of the session in front; `None` where the session does not say.
    async fn idle_for(&self) -> Result<Option<Duration>, DesktopError>;

    /// Who is signed in at the seat now.
    async fn sessions(&self) -> Result<Vec<SeatSession>, DesktopError>;

    /// Whether there is anything that it locks.
    fn controls(&self) -> bool {
        true
    }
}

/// A graphical session of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatSession {
    /// The session's name at logind.
    pub id: String,
    /// Whose it is: a local account.
    pub account: String,
    /// Whether it is the one on the screen.
    pub in_front: bool,
    /// Whether it says that it is locked.
    pub locked: bool,
}

/// The desktop was not locked, or not opened.
#[derive(Debug, thiserror::Error)]
pub enum DesktopError {
    /// There is no system bus, or no logind on it.
    #[error("logind cannot be reached on the system bus")]
    Unreachable(#[source] Cause),
    /// The machine has no such seat.
    #[error("there is no seat {0:?} here")]
    NoSeat(String),
    /// The agent's account may not.
    #[error("logind does not let this account {0}: the polkit rule of the package is missing")]
    Forbidden(&'static str, #[source] Cause),
    /// It was asked to, but does not say that it did.
    #[error("the screen of {accounts} does not say that it is {wanted}")]
    Unconfirmed {
        /// Whose.
        accounts: String,
        /// `locked` or `open`.
        wanted: &'static str,
    },
    /// There is nothing to be opened for her: she signs in at the display manager first.
    #[error("{0} has no session at this seat: sign in at the screen")]
    NoSession(String),
    /// Logind did not answer in time.
    #[error("logind did not answer in time")]
    Timeout,
    /// It answered something else than it should.
    #[error("logind could not {0}")]
    Failed(&'static str, #[source] Cause),
}

/// What a lower layer said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Which desktop is locked and opened: `kind = "logind"` or `kind = "none"`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum DesktopConfig {
    /// None: a machine without graphical sessions, or one whose screen is covered by the agent's window alone.
    #[default]
    None,
    /// The sessions that logind knows.
    Logind {
        /// The seat.
        #[serde(default = "first_seat")]
        seat: String,
        /// Local accounts in whose session everybody works who taps in, such as `ward`.
        #[serde(default)]
        shared: Vec<String>,
        /// Milliseconds until a session has to say that it is locked or open; 0: it need not, for lockers that never say.
        #[serde(default = "two_seconds")]
        confirm_milliseconds: u16,
        /// The D-Bus address of the system bus; the system's own if absent.
        #[serde(default)]
        bus: Option<String>,
    },
}

fn first_seat() -> String {
    "seat0".to_owned()
}

const fn two_seconds() -> u16 {
    2000
}

impl DesktopConfig {
    /// The local accounts in whose session everybody works who taps in.
    pub fn shared(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::Logind { shared, .. } => shared,
        }
    }

    /// Takes it up; whether there is a logind shows when it is used.
    pub fn open(&self) -> Arc<dyn DesktopSession> {
        match self {
            Self::None => Arc::new(Uncontrolled),
            Self::Logind { seat, shared, confirm_milliseconds, bus } => {
                Arc::new(logind::Logind::new(logind::Settings {
                    seat: seat.clone(),
                    shared: shared.clone(),
                    confirm: Duration::from_millis((*confirm_milliseconds).into()),
                    patience: PATIENCE,
                    bus: bus.clone(),
                }))
            }
        }
    }
}

/// Nothing to lock: what covers the screen is the agent's window.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uncontrolled;

#[async_trait]
impl DesktopSession for Uncontrolled {
    async fn lock(&self) -> Result<(), DesktopError> {
        Ok(())
    }

    async fn unlock(&self, _account: &str) -> Result<(), DesktopError> {
        Ok(())
    }

    async fn idle_for(&self) -> Result<Option<Duration>, DesktopError> {
        Ok(None)
    }

    async fn sessions(&self) -> Result<Vec<SeatSession>, DesktopError> {
        Ok(vec![])
    }

    fn controls(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
