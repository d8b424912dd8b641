//! logind, over the system bus (freedesktop.org: `org.freedesktop.login1(5)`).
//!
//! Each question has a connection of its own: it is asked once in a while, and neither a bus nor a logind that was restarted is in its way.
mod bus;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use imp_identity::Clock as _;
use imp_identity::clock::SystemClock;

use self::bus::{Bus, Found};
use super::{DesktopError, DesktopSession, SeatSession};

/// How often a session is asked whether it is locked.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// What is to be known of the machine.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) seat: String,
    pub(super) shared: Vec<String>,
    /// How long a session may take to say that it is locked or open; zero: it is not asked.
    pub(super) confirm: Duration,
    /// How long a question may take beside that.
    pub(super) patience: Duration,
    pub(super) bus: Option<String>,
}

/// The sessions of a seat, as logind knows them.
pub(super) struct Logind(Settings);

impl Logind {
    pub(super) const fn new(settings: Settings) -> Self {
        Self(settings)
    }

    /// Asks on a thread where it may block, and does not wait for ever.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Settings, &Bus) -> Result<T, DesktopError> + Send + 'static,
    ) -> Result<T, DesktopError> {
        let settings = self.0.clone();
        let patience = settings.patience + settings.confirm;
        let asking = tokio::task::spawn_blocking(move || {
            let bus = Bus::connect(settings.bus.as_deref())?;
            question(&settings, &bus)
        });
        match tokio::time::timeout(patience, asking).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(DesktopError::Timeout),
        }
    }
}

#[async_trait]
impl DesktopSession for Logind {
    async fn lock(&self) -> Result<(), DesktopError> {
        self.ask(|settings, bus| {
            let open = bus.graphical(&settings.seat)?;
            lock_all(settings, bus, &open)
        })
        .await
    }

    async fn unlock(&self, account: &str) -> Result<(), DesktopError> {
        let account = account.to_owned();
        self.ask(move |settings, bus| {
            let sessions = bus.graphical(&settings.seat)?;
            let Some(hers) = choose(&sessions, &account, &settings.shared) else {
                return Err(DesktopError::NoSession(account));
            };
            let others: Vec<_> = sessions.iter().filter(|s| s.path != hers.path).cloned().collect();
            lock_all(settings, bus, &others)?;
            if !hers.seen.in_front {
                bus.activate(hers)?;
            }
            bus.unlock(hers)?;
            confirm(settings, bus, std::slice::from_ref(hers), false)
        })
        .await
    }

    async fn idle_for(&self) -> Result<Option<Duration>, DesktopError> {
        self.ask(|settings, bus| {
            let sessions = bus.graphical(&settings.seat)?;
            let since = sessions.iter().find(|s| s.seen.in_front).and_then(|s| s.idle_since);
            let now = SystemClock.now();
            // A clock that was set meanwhile gives no negative time.
            Ok(since.map(|since| Duration::try_from(now.duration_since(since)).unwrap_or_default()))
        })
        .await
    }

    async fn sessions(&self) -> Result<Vec<SeatSession>, DesktopError> {
        self.ask(|settings, bus| {
            Ok(bus.graphical(&settings.seat)?.into_iter().map(|s| s.seen).collect())
        })
        .await
    }
}

/// Her own session, whichever is in front; else a shared one, if it is in front.
fn choose<'a>(sessions: &'a [Found], account: &str, shared: &[String]) -> Option<&'a Found> {
    let hers = sessions.iter().find(|s| s.seen.account == account);
    let everybodys =
        || sessions.iter().find(|s| s.seen.in_front && shared.contains(&s.seen.account));
    hers.or_else(everybodys)
}

/// Asks each session, also when one before it cannot be asked.
fn lock_all(settings: &Settings, bus: &Bus, sessions: &[Found]) -> Result<(), DesktopError> {
    let asked = sessions.iter().map(|session| bus.lock(session)).fold(Ok(()), Result::and);
    asked.and_then(|()| confirm(settings, bus, sessions, true))
}

/// Waits until each session says that it is as it should be; one that has ended meanwhile is.
fn confirm(
    settings: &Settings,
    bus: &Bus,
    sessions: &[Found],
    locked: bool,
) -> Result<(), DesktopError> {
    if settings.confirm.is_zero() {
        return Ok(());
    }
    let deadline = Instant::now() + settings.confirm;
    loop {
        let mut other: Vec<&Found> = vec![];
        for session in sessions {
            if bus.is_locked(session)?.is_some_and(|now| now != locked) {
                other.push(session);
            }
        }
        if other.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let accounts: Vec<_> = other.iter().map(|s| s.seen.account.as_str()).collect();
            let wanted = if locked { "locked" } else { "open" };
            return Err(DesktopError::Unconfirmed { accounts: accounts.join(", "), wanted });
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}
