//! Hears at once from the server what changes of the sessions here: a session that is ended anywhere closes the desktop within a second.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use imp_api::session::WatchSessions;
use imp_identity::SessionId;
use tokio::time::Instant;

use crate::agent::Agent;
use crate::desktop::Desktop;

/// The wait after the first failure.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait; meanwhile [`crate::upkeep`] asks by the clock.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Answers come no faster than this, however often sessions change.
const PACE: Duration = Duration::from_millis(100);

/// Watches until the agent stops. A server that is down, or does not know the question, is asked again later.
pub(crate) async fn watch(agent: Arc<Agent>) {
    let token = agent.shutdown.token();
    let mut known = None;
    let mut wait = FIRST_WAIT;
    while let Some(heard) = token.run_until_cancelled(agent.watch_once(known.take())).await {
        agent.watching.store(heard.is_some(), Ordering::Relaxed);
        let pause = if let Some(version) = heard {
            (known, wait) = (version, FIRST_WAIT);
            PACE
        } else {
            let longer = (wait * 2).min(LONGEST_WAIT);
            std::mem::replace(&mut wait, longer)
        };
        if token.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

impl Agent {
    /// One question. `None`: there was no answer; else the version that is known now, if the answer counted.
    async fn watch_once(&self, known: Option<String>) -> Option<Option<String>> {
        let asked_at = self.changes();
        let body = WatchSessions { known, active: self.alive() };
        match self.server.watch_sessions(&body).await {
            Ok(seen) => Some(self.follow(&seen.sessions, asked_at).then_some(seen.version)),
            Err(error) => {
                tracing::debug!(error = %error, "the sessions are not watched");
                None
            }
        }
    }

    /// The session at the desktop, if it is open and the phone of whoever is at work is near: a sign of life.
    fn alive(&self) -> Option<SessionId> {
        let Desktop::Open(session) = self.desktop() else { return None };
        let known = self.roster.current(self.now())?;
        let near = self.presence().known(Instant::now());
        let hers = |(phone, _): &(imp_identity::PhoneId, _)| {
            known.entry(*phone).is_some_and(|entry| entry.user == session.user)
        };
        near.iter().any(hers).then_some(session.id)
    }
}
