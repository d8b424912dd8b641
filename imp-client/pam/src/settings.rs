//! What the administrator wrote behind the module's name.
use std::ffi::CStr;
use std::path::PathBuf;
use std::time::Duration;

/// Where the agent of the package listens.
const SOCKET: &str = "/run/imp-client/agent.sock";
/// The account it runs as.
const AGENT: &str = "imp-client";
/// How long a whole question may take: a tap's ten seconds, and a little.
const PATIENCE: Duration = Duration::from_secs(12);
/// The longest that can be configured.
const LONGEST: u64 = 60;

/// `pam_imp.so [socket=PATH] [agent=ACCOUNT] [timeout=SECONDS]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) socket: PathBuf,
    /// Whose the socket must be: an account, or its number.
    pub(crate) agent: String,
    pub(crate) patience: Duration,
}

/// What is written there is not understood. Nothing of it is used then.
#[derive(Debug, thiserror::Error)]
#[error("“{0}” is not understood: socket=/PATH, agent=ACCOUNT and timeout=1…{LONGEST} are")]
pub(crate) struct SettingsError(String);

impl Settings {
    pub(crate) fn read(args: &[&CStr]) -> Result<Self, SettingsError> {
        let mut settings =
            Self { socket: SOCKET.into(), agent: AGENT.to_owned(), patience: PATIENCE };
        for arg in args {
            let text = arg.to_string_lossy();
            let refused = || SettingsError(text.clone().into_owned());
            match text.split_once('=').ok_or_else(refused)? {
                ("socket", path) if path.starts_with('/') => settings.socket = path.into(),
                ("agent", account) if !account.is_empty() => {
                    account.clone_into(&mut settings.agent);
                }
                ("timeout", seconds) => {
                    let seconds = seconds.parse().ok().filter(|s| (1..=LONGEST).contains(s));
                    settings.patience = Duration::from_secs(seconds.ok_or_else(refused)?);
                }
                _ => return Err(refused()),
            }
        }
        Ok(settings)
    }
}
