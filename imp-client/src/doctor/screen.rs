//! What locks this machine, and what lets people in without the agent's window.
use std::path::{Path, PathBuf};

use imp_hardware::desktop::{DesktopConfig, DesktopError, SeatSession};

use super::Check;
use crate::tap::with_causes;

/// The file in which Debian's `pam-auth-update` names what everybody may sign in by.
const STACK: &str = "/etc/pam.d/common-auth";
/// What the module is called.
const MODULE: &str = "pam_imp.so";

/// Who is signed in at the seat, and whether logind says so.
pub(super) async fn desktop(config: &DesktopConfig) -> Check {
    if *config == DesktopConfig::None {
        let found = "no screen is locked: [desktop] says that there is none";
        return Check::good("desktop", found);
    }
    match config.open().sessions().await {
        Ok(sessions) => Check::good("desktop", describe(&sessions)),
        Err(error) => Check::bad("desktop", with_causes(&error), mend(&error)),
    }
}

fn describe(sessions: &[SeatSession]) -> String {
    let one = |session: &SeatSession| {
        let front = if session.in_front { " in front" } else { "" };
        let lock = if session.locked { "locked" } else { "open" };
        format!("{}{front}, {lock}", session.account)
    };
    let all: Vec<_> = sessions.iter().map(one).collect();
    if all.is_empty() {
        return "logind answers; nobody has a desktop at this seat now".to_owned();
    }
    format!("logind answers; desktops at this seat: {}", all.join("; "))
}

const fn mend(error: &DesktopError) -> &'static str {
    match error {
        DesktopError::Unreachable(_) | DesktopError::Timeout => {
            "see that the services run: `systemctl status dbus systemd-logind`"
        }
        DesktopError::NoSeat(_) => "`loginctl list-seats` names the seats: set `desktop.seat`",
        DesktopError::Forbidden(..) => {
            "install the package's polkit rule: /usr/share/polkit-1/rules.d/50-imp-client.rules"
        }
        DesktopError::Unconfirmed { .. }
        | DesktopError::NoSession(_)
        | DesktopError::Failed(..) => "`loginctl list-sessions` says what logind knows",
    }
}

/// Whether sign-in at the screen and `sudo` ask the agent. A machine need not have it so.
pub(super) fn pam() -> Check {
    let stack = std::fs::read_to_string(STACK).unwrap_or_default();
    let module = module(Path::new("/usr/lib")).or_else(|| module(Path::new("/lib")));
    judge(&stack, module)
}

fn judge(stack: &str, module: Option<PathBuf>) -> Check {
    let asked =
        stack.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(MODULE));
    match (asked, module) {
        (true, Some(_)) => Check::good("pam", "sign-in at the screen and `sudo` ask the agent"),
        (true, None) => Check::bad(
            "pam",
            format!("{STACK} names {MODULE}, which is not there"),
            "install the package again, or take it out: `pam-auth-update --remove imp`",
        ),
        (false, Some(path)) => {
            let found = format!("{} is not used: `pam-auth-update --enable imp`", path.display());
            Check::good("pam", found)
        }
        (false, None) => Check::good("pam", "not installed: passwords alone let in at the screen"),
    }
}

/// `lib/TRIPLET/security/pam_imp.so`, or `lib/security/pam_imp.so`.
fn module(lib: &Path) -> Option<PathBuf> {
    let triplets = std::fs::read_dir(lib).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut places = triplets.take(10_000).chain([lib.to_owned()]);
    places.find_map(|place| {
        let module = place.join("security").join(MODULE);
        module.is_file().then_some(module)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_logind_that_is_not_there_is_named_with_what_to_do() {
        let config = DesktopConfig::Logind {
            seat: "seat0".to_owned(),
            shared: vec![],
            confirm_milliseconds: 0,
            bus: Some("unix:path=/nowhere/bus".to_owned()),
        };
        let check = desktop(&config).await;
        assert!(!check.ok && check.found.contains("logind cannot be reached"), "{check:?}");
        assert!(check.mend.is_some_and(|mend| mend.contains("systemctl status dbus")));
        assert!(desktop(&DesktopConfig::None).await.ok);
    }

    #[test]
    fn a_stack_that_names_a_module_that_is_gone_is_found() {
        let used = "auth [success=2 default=ignore] pam_imp.so\nauth required pam_deny.so\n";
        let there = || Some(PathBuf::from("/usr/lib/security/pam_imp.so"));
        assert!(!judge(used, None).ok);
        assert!(judge(used, there()).found.contains("ask the agent"));
        assert!(judge("# auth pam_imp.so\n", there()).found.contains("pam-auth-update"));
        assert!(judge("", None).ok);
        let lib = tempfile::tempdir().unwrap();
        assert_eq!(module(lib.path()), None);
        let folder = lib.path().join("x86_64-linux-gnu/security");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(MODULE), b"").unwrap();
        assert_eq!(module(lib.path()), Some(folder.join(MODULE)));
    }
}
