//! The screen of the machine's own desktop does as [`crate::desktop`] says: open while somebody is at work, locked otherwise. What it should be
//! is looked up each time, so that it does not matter what changed, nor in which order: a tap, a lock, a session that ended elsewhere or by the
//! clock. A screen that does not obey is told again until it does, and the status says so.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use imp_hardware::desktop::{DesktopError, DesktopSession};
use imp_socket::ScreenState;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::agent::Agent;
use crate::config::AccountsConfig;
use crate::desktop::Desktop;
use crate::tap::with_causes;

/// The first wait before a screen that did not obey is told again.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest one.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// How often it is looked whether the screen was locked by hand, or a session is over by the clock.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long whoever locks waits for the screen before the server is told.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long after a tap the display manager may let her in without another one.
const SIGN_IN: Duration = Duration::from_secs(30);

/// The machine's own screen.
pub(crate) struct Screen {
    session: Arc<dyn DesktopSession>,
    accounts: AccountsConfig,
    /// What it was made last, if it obeyed.
    reached: tokio::sync::Mutex<Option<Wanted>>,
    state: Mutex<ScreenState>,
    /// Who has tapped and has no desktop yet, and since when.
    expected: Mutex<Option<(String, Instant)>>,
    changed: Notify,
}

/// What the screen should be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Locked,
    /// Open for a local account.
    Open(String),
}

impl Screen {
    pub(crate) fn new(session: Arc<dyn DesktopSession>, accounts: AccountsConfig) -> Self {
        Self {
            session,
            accounts,
            reached: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            expected: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// What it does now.
    pub(crate) fn state(&self) -> ScreenState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has [`keep`] look at once.
    pub(crate) fn notice(&self) {
        self.changed.notify_one();
    }

    /// Whether `account` has tapped a moment ago and has no desktop yet: she need not tap again to get one. Counts once.
    pub(crate) fn take_expected(&self, account: &str) -> bool {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = expected.take_if(|(who, _)| who == account);
        taken.is_some_and(|(_, since)| since.elapsed() < SIGN_IN)
    }

    fn wanted(&self, desktop: &Desktop) -> Wanted {
        match desktop {
            Desktop::Open(session) => {
                Wanted::Open(self.accounts.account_of(&session.username).to_owned())
            }
            Desktop::Unknown | Desktop::Free | Desktop::Locked(_) => Wanted::Locked,
        }
    }

    async fn make(&self, wanted: &Wanted) -> Result<(), DesktopError> {
        match wanted {
            Wanted::Locked => self.session.lock().await,
            Wanted::Open(account) => self.session.unlock(account).await,
        }
    }

    /// What came of it, and whether that is the end of it.
    fn judge(&self, wanted: &Wanted, came_of: Result<(), DesktopError>) -> (ScreenState, bool) {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        *expected = None;
        match (came_of, wanted) {
            (Ok(()), _) if !self.session.controls() => (ScreenState::Uncontrolled, true),
            (Ok(()), Wanted::Locked) => (ScreenState::Locked, true),
            (Ok(()), Wanted::Open(_)) => (ScreenState::Open, true),
            (Err(DesktopError::NoSession(account)), Wanted::Open(_)) => {
                *expected = Some((account, Instant::now()));
                (ScreenState::SignIn, true)
            }
            (Err(error), Wanted::Locked) => {
                let reason = with_causes(&error);
                tracing::error!(error = reason, "the screen is not locked");
                (ScreenState::NotLocked { reason }, false)
            }
            (Err(error), Wanted::Open(_)) => {
                let reason = with_causes(&error);
                tracing::warn!(error = reason, "the screen is not open");
                (ScreenState::NotOpened { reason }, false)
            }
        }
    }

    /// Whether she locked her screen herself. Notices as well that she has signed in at the display manager.
    async fn was_locked_by_hand(&self) -> bool {
        let state = self.state();
        if !matches!(state, ScreenState::Open | ScreenState::SignIn) {
            return false;
        }
        let sessions = self.session.sessions().await.unwrap_or_default();
        let Some(front) = sessions.into_iter().find(|session| session.in_front) else {
            return false;
        };
        if state == ScreenState::Open {
            return front.locked;
        }
        let reached = self.reached.lock().await;
        if matches!(&*reached, Some(Wanted::Open(account)) if *account == front.account) {
            *self.state.lock().unwrap_or_else(PoisonError::into_inner) = ScreenState::Open;
        }
        false
    }
}

/// Keeps the screen as it should be until the agent stops.
pub(crate) async fn keep(agent: Arc<Agent>) {
    let token = agent.shutdown.token();
    let mut wait = FIRST_WAIT;
    loop {
        let Some(obeyed) = token.run_until_cancelled(agent.settle_screen()).await else { return };
        let pause = if obeyed { LOOK_AGAIN } else { wait };
        wait = if obeyed { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
        tokio::select! {
            () = token.cancelled() => return,
            () = agent.screen.changed.notified() => {
                // A screen that was told a moment ago may not have said yet what it did.
                wait = FIRST_WAIT;
                continue;
            }
            () = tokio::time::sleep(pause) => {}
        }
        if token.run_until_cancelled(agent.follow_screen()).await.is_none() {
            return;
        }
    }
}

impl Agent {
    /// Makes the screen what it should be now, if it is not. Says whether it obeyed.
    pub(crate) async fn settle_screen(&self) -> bool {
        let screen = &self.screen;
        let mut reached = screen.reached.lock().await;
        let wanted = screen.wanted(&self.desktop());
        if reached.as_ref() == Some(&wanted) {
            return true;
        }
        *reached = None;
        let came_of = screen.make(&wanted).await;
        let (state, obeyed) = screen.judge(&wanted, came_of);
        *reached = obeyed.then_some(wanted);
        *screen.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.notice();
        obeyed
    }

    /// The same, by whoever should not wait for long: [`keep`] goes on with it.
    pub(crate) async fn settle_screen_soon(&self) {
        let _or_later = tokio::time::timeout(PATIENCE, self.settle_screen()).await;
    }

    /// Whoever locks her screen herself has locked the workstation.
    async fn follow_screen(&self) {
        let asked_at = self.changes();
        if self.screen.was_locked_by_hand().await && self.changes() == asked_at {
            tracing::info!("the screen was locked by hand");
            self.lock().await;
        }
    }
}
