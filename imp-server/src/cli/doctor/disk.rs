//! Disk space.
use super::Finding;
use crate::config::Config;

/// Least free space, in bytes.
const LEAST: u64 = 512 * 1024 * 1024;

pub(super) fn check(config: &Config) -> Finding {
    let folder = config.data.display();
    match rustix::fs::statvfs(&config.data) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let text = format!("{} MiB are free in {folder}", free / (1024 * 1024));
            if free >= LEAST {
                Finding::well(text)
            } else {
                Finding::wrong(format!("only {text}"), "make room: a full disk stops every tap")
            }
        }
        Err(error) => {
            let mend = "create it by a first `imp-server serve`, or name another with --data";
            Finding::wrong(format!("{folder} cannot be looked at: {error}"), mend)
        }
    }
}
