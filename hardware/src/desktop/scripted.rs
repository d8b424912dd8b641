//! A desktop that does as it is told, or does not.
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{DesktopError, DesktopSession, SeatSession};

/// Sessions of a seat that exist in memory only.
#[derive(Debug, Default)]
pub struct Scripted(Mutex<Script>);

#[derive(Debug, Default)]
struct Script {
    sessions: Vec<SeatSession>,
    shared: Vec<String>,
    idle: Option<Duration>,
    failing: bool,
    told: Vec<String>,
}

impl Scripted {
    /// A seat where each of `accounts` is signed in and at work; the first is in front.
    pub fn with_sessions_of(accounts: &[&str]) -> Self {
        let session = |(number, account): (usize, &&str)| SeatSession {
            id: number.to_string(),
            account: (*account).to_owned(),
            in_front: number == 0,
            locked: false,
        };
        let sessions = accounts.iter().enumerate().map(session).collect();
        Self(Mutex::new(Script { sessions, ..Script::default() }))
    }

    /// The same; everybody who taps works in the session of `account`.
    #[must_use]
    pub fn shared_by_all(self, account: &str) -> Self {
        self.script().shared.push(account.to_owned());
        self
    }

    /// From now on nothing can be locked or opened, or everything again.
    pub fn fails(&self, failing: bool) {
        self.script().failing = failing;
    }

    /// Nobody has touched anything for so long.
    pub fn is_idle_for(&self, idle: Option<Duration>) {
        self.script().idle = idle;
    }

    /// What it was told since it was asked last: `lock`, `unlock ACCOUNT`.
    pub fn take_told(&self) -> Vec<String> {
        std::mem::take(&mut self.script().told)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Script {
    fn works(&self, wanted: &'static str) -> Result<(), DesktopError> {
        let accounts = || self.sessions.iter().map(|s| s.account.as_str()).collect::<Vec<_>>();
        if self.failing {
            return Err(DesktopError::Unconfirmed { accounts: accounts().join(", "), wanted });
        }
        Ok(())
    }
}

#[async_trait]
impl DesktopSession for Scripted {
    async fn lock(&self) -> Result<(), DesktopError> {
        let mut script = self.script();
        script.told.push("lock".to_owned());
        script.works("locked")?;
        script.sessions.iter_mut().for_each(|session| session.locked = true);
        Ok(())
    }

    async fn unlock(&self, account: &str) -> Result<(), DesktopError> {
        let mut script = self.script();
        script.told.push(format!("unlock {account}"));
        script.works("open")?;
        let own = script.sessions.iter().position(|s| s.account == account);
        let shared = |s: &SeatSession| s.in_front && script.shared.contains(&s.account);
        let chosen = own.or_else(|| script.sessions.iter().position(shared));
        let Some(chosen) = chosen else { return Err(DesktopError::NoSession(account.to_owned())) };
        for (number, session) in script.sessions.iter_mut().enumerate() {
            (session.in_front, session.locked) = (number == chosen, number != chosen);
        }
        Ok(())
    }

    async fn idle_for(&self) -> Result<Option<Duration>, DesktopError> {
        Ok(self.script().idle)
    }

    async fn sessions(&self) -> Result<Vec<SeatSession>, DesktopError> {
        Ok(self.script().sessions.clone())
    }
}
