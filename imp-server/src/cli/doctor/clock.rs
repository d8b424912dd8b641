//! Whether the clock can be right. Only a network time service can say whether it is.
use jiff::{SignedDuration, Timestamp};

use super::Finding;

/// This program was written after this instant.
const EARLIEST: i64 = 1_767_225_600; // 2026-01-01
/// How far ahead of the clock an event may be that another replica has written.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

pub(super) fn check(now: Timestamp, newest_event: Option<Timestamp>) -> Finding {
    let mend =
        "set it by network time (timedatectl set-ntp true): certificates and taps depend on it";
    if now.as_second() < EARLIEST {
        return Finding::wrong(format!("the clock says {now:.0}, which is in the past"), mend);
    }
    match newest_event {
        Some(newest) if newest > now + TOLERANCE => {
            let what = format!("the clock says {now:.0}, before the newest event ({newest:.0})");
            Finding::wrong(what, mend)
        }
        Some(_) | None => Finding::well(format!("the clock says {now:.0}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;

    #[test]
    fn a_clock_that_was_set_back_is_found() {
        let now: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
        assert!(matches!(check(now, Some(now - 1.hour())), Finding::Well(_)));
        assert!(matches!(check(now, Some(now + 1.hour())), Finding::Wrong { .. }));
        assert!(matches!(check(Timestamp::UNIX_EPOCH, None), Finding::Wrong { .. }));
    }
}
