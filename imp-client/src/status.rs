//! How the workstation is: who is signed in, and whether everything works that a tap needs.
use std::sync::PoisonError;

pub use imp_socket::{
    AloneStatus, Leaving, LeavingReason, RadioState, RosterStatus, ScreenState, SignedIn,
    StatusReport, Switched,
};
use tokio::time::Instant;

use crate::agent::Agent;
use crate::desktop::Desktop;
use crate::tap::Person;

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
            tapping: self.looking.tapping(),
            leaving: self.departures.leaving(),
            guard: self.departures.guard(),
            screen: self.screen.state(),
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
            clock_ahead: *self.clock_ahead.lock().unwrap_or_else(PoisonError::into_inner),
            alone: self.alone(),
        }
    }

    fn alone(&self) -> Option<AloneStatus> {
        let (waiting, refused) = (self.journal.len(), self.journal.is_refused());
        let known = self.roster.newest();
        let until = known.and_then(|known| Some(known.roster().offline.as_ref()?.until));
        let left = until.map(|until| until.duration_since(self.now()).as_mins().max(0));
        let minutes_left = u32::try_from(left.unwrap_or_default()).unwrap_or(u32::MAX);
        let shown = until.is_some() || waiting > 0 || refused;
        shown.then_some(AloneStatus { minutes_left, waiting, refused })
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
