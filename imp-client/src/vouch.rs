//! Whether whoever is here may use a local account: what `pam-imp` asks for a display manager, a locked screen, `sudo`. The answer comes from a
//! tap, and is no for every account but that of the person who tapped.
use imp_identity::tap::{Intent, Purpose};
pub use imp_socket::VouchCommand;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::config::Owner;
use crate::desktop::Desktop;
use crate::tap::{TapCommand, TapOutcome, TapReport};

/// Longest name of an account (`useradd`(8)), and of a service.
const LONGEST_NAME: usize = 64;
/// Services that open a desktop at the machine itself: a tap from a moment ago suffices for them.
const DISPLAY_MANAGERS: [&str; 6] = ["gdm-password", "greetd", "lightdm", "login", "sddm", "xdm"];

/// Nobody is vouched for.
#[derive(Debug, thiserror::Error)]
pub enum VouchError {
    /// Not a name that a machine gives.
    #[error("that is not the name of an account")]
    Name,
    /// Nobody taps as this account: it is the system's, or named nowhere.
    #[error("nobody taps for this account")]
    NotForTaps,
    /// A program of one account asks for another.
    #[error("an account is vouched for only when its owner asks")]
    SomebodyElse,
    /// Not the person whose account it is.
    #[error("the account is not that of the person who tapped")]
    NotHers,
    /// The tap was not accepted.
    #[error("{0}")]
    Tap(String),
}

impl Agent {
    /// Has whoever is here tap for a local account. A tap that opens the desktop opens it here too.
    pub async fn vouch(
        &self,
        command: &VouchCommand,
        cancelled: &CancellationToken,
    ) -> Result<(), VouchError> {
        let VouchCommand { account, service, asker } = command;
        if !is_name(account) || !is_name(service) {
            return Err(VouchError::Name);
        }
        // Else a program left behind by one person could have the next one's tap give it her account.
        if asker.as_ref().is_some_and(|asker| asker != account && asker != "root") {
            return Err(VouchError::SomebodyElse);
        }
        let owner = self.config.accounts.owner(account, self.config.desktop.shared());
        let user = match owner.ok_or(VouchError::NotForTaps)? {
            Owner::Everybody => None,
            Owner::Person(username) => Some(username),
        };
        if DISPLAY_MANAGERS.contains(&service.as_str()) && self.screen.take_expected(account) {
            return Ok(());
        }
        let purpose = user.as_deref().map(|user| purpose(&self.desktop(), user));
        let command = TapCommand { purpose, user, intent: Intent::Key, phone_alone: false };
        let report = self.tap_until(command, cancelled).await;
        self.judge(account, &report)
    }

    fn judge(&self, account: &str, report: &TapReport) -> Result<(), VouchError> {
        let TapOutcome::Accepted { session } = &report.outcome else {
            return Err(VouchError::Tap(report.explain()));
        };
        let shared = self.config.desktop.shared().iter().any(|shared| shared == account);
        if shared || self.config.accounts.account_of(&session.username) == account {
            return Ok(());
        }
        Err(VouchError::NotHers)
    }
}

/// Who is at work confirms; who is locked out unlocks; anybody else signs in.
fn purpose(desktop: &Desktop, username: &str) -> Purpose {
    match desktop {
        Desktop::Open(session) if session.username == username => Purpose::StepUp,
        Desktop::Locked(session) if session.username == username => Purpose::Unlock,
        Desktop::Unknown | Desktop::Free | Desktop::Open(_) | Desktop::Locked(_) => Purpose::TapIn,
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-$@".contains(c);
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(fits)
}
