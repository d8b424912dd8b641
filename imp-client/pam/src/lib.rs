//! A tap signs in where PAM asks: at a display manager, a locked screen, `sudo`.
//!
//! The module runs inside other programs, most of them as root. So it is small and does one thing: it asks the workstation's agent on its local
//! socket whether whoever is here may use an account, and believes one answer, from one account, within a time. Everything else (no agent,
//! somebody else's socket, an answer that is late, long, or not understood, a tap that was refused, a panic) is a failure of this module, after
//! which PAM asks the next one. There is no way to success but the line that says so.
//!
//! It keeps nothing between calls, starts no thread, and links neither a runtime nor what recognises faces: only `imp-socket`'s two messages,
//! which it spells out in [`message`].
mod accounts;
mod ask;
mod message;
mod settings;

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nonstick::constants::{AuthnFlags, BaseFlags, CredAction};
use nonstick::conv::ConversationAdapter as _;
use nonstick::items::Items as _;
use nonstick::{ErrorCode, ModuleClient, PamModule, Result as PamResult, pam_export};

use self::ask::{AskError, ask};
use self::message::Question;
use self::settings::Settings;

/// The module.
struct Imp;

pam_export!(Imp);

impl<T: ModuleClient> PamModule<T> for Imp {
    fn authenticate(handle: &mut T, args: Vec<&CStr>, flags: AuthnFlags) -> PamResult<()> {
        let silent = flags.contains(AuthnFlags::SILENT);
        guarded(|| authenticate(handle, &args, silent))
    }

    /// There are no credentials beside the account's own. Who was let in by this module is not kept out here.
    fn set_credentials(
        _handle: &mut T,
        _args: Vec<&CStr>,
        _action: CredAction,
        _flags: BaseFlags,
    ) -> PamResult<()> {
        Ok(())
    }
}

/// A panic in somebody's display manager would be a way to take it down; here it is one more reason to ask for the password.
fn guarded(work: impl FnOnce() -> PamResult<()>) -> PamResult<()> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(ErrorCode::AuthInfoUnavailable))
}

fn authenticate<T: ModuleClient>(handle: &mut T, args: &[&CStr], silent: bool) -> PamResult<()> {
    let settings = Settings::read(args).map_err(|error| {
        log(handle, &error);
        ErrorCode::AuthInfoUnavailable
    })?;
    let items = handle.items();
    // A tap says who is before this machine, and nothing about who is at the other end of a line.
    if remote(items.remote_host()?.as_deref()) {
        return Err(ErrorCode::Ignore);
    }
    let (service, asker) = (text(items.service()?), text(items.remote_user()?));
    drop(items);
    let account = handle.username(None)?.into_string().map_err(|_| ErrorCode::UserUnknown)?;
    let question = Question {
        account: &account,
        service: service.as_deref().unwrap_or_default(),
        asker: asker.as_deref(),
    };
    let begun = || {
        if !silent {
            handle.info_msg("Look at the camera, with your phone near you. The password is asked for if that fails.");
        }
    };
    ask(&settings, &question, begun).map_err(|error| {
        log(handle, &error);
        if let (AskError::Refused(message), false) = (&error, silent) {
            handle.error_msg(message);
        }
        error.code()
    })
}

/// What the agent, or the way to it, is like: for the system's log, without anybody's name.
fn log<T: ModuleClient>(handle: &T, error: &dyn std::error::Error) {
    let mut text = format!("pam_imp: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    nonstick::info!(handle, "{text}");
}

impl AskError {
    /// What PAM is told: a no is a no, everything else is as if there were no agent.
    const fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(_) => ErrorCode::AuthenticationError,
            Self::NoAgent(_)
            | Self::Stranger { .. }
            | Self::UnknownAgent(_)
            | Self::Late
            | Self::Closed
            | Self::TooLong
            | Self::Malformed(_)
            | Self::Unexpected
            | Self::Io(_) => ErrorCode::AuthInfoUnavailable,
        }
    }
}

/// Whether the question comes from another machine. Display managers name the local one by its X display, or `localhost`.
fn remote(host: Option<&std::ffi::OsStr>) -> bool {
    let host = host.map(|host| host.to_string_lossy().into_owned()).unwrap_or_default();
    !(host.is_empty() || host == "localhost" || is_display(&host))
}

/// `:0`, and not `::1`.
fn is_display(host: &str) -> bool {
    host.strip_prefix(':').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn text(item: Option<std::ffi::OsString>) -> Option<String> {
    item.and_then(|text| text.into_string().ok()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
