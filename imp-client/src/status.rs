//! How the workstation is: who is signed in, and whether everything works that a tap needs.
use std::sync::PoisonError;

use imp_identity::SessionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::agent::Agent;
use crate::desktop::Desktop;
use crate::server::Reach;
use crate::tap::{Person, TapReport};

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

/// The workstation at this moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// How the workstation is shown to people.
    pub workstation: String,
    /// Who is signed in, also while the desktop is locked.
    pub signed_in: Option<SignedIn>,
    /// Nobody can work: locked, nobody signed in, or not known yet.
    pub locked: bool,
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

impl Agent {
    /// The workstation at this moment.
    pub fn status(&self) -> StatusReport {
        let desktop = self.desktop();
        let standing = self.standing();
        let mut near: Vec<_> = self.known_near().iter().map(crate::tap::person).collect();
        near.sort();
        let roster = self.roster.newest().map(|known| RosterStatus {
            phones: known.roster().entries.len(),
            issued_at: known.roster().issued_at,
            expires_at: known.roster().expires_at,
        });
        StatusReport {
            workstation: standing.stored.name.clone(),
            signed_in: signed_in(&desktop),
            locked: desktop.is_locked(),
            near,
            unknown_phones: self.presence().unknown(Instant::now()).len(),
            radio: self.radio.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            server: self.server.reach(),
            certificate_renew_after: standing.stored.credentials.renew_after,
            certificate_expires_at: standing.stored.credentials.expires_at,
            roster,
            challenges: self.prefetch().len(),
            untold: self.outbox.len(),
            last_tap: self.last_tap(),
        }
    }
}

fn signed_in(desktop: &Desktop) -> Option<SignedIn> {
    desktop.session().map(|session| SignedIn {
        person: Person {
            display_name: session.display_name.clone(),
            username: session.username.clone(),
        },
        session: session.id,
        expires_at: session.expires_at,
    })
}
