//! `[walk_away]`: when a desktop is locked behind whoever has left.
use std::time::Duration;

use imp_leaving::Constants;
use serde::Deserialize;

/// When a desktop is locked behind whoever has left; `docs/walk-away.md` says what the numbers reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WalkAwayConfig {
    /// Whether it is at all.
    pub enabled: bool,
    /// Whether keyboards and pointers in `/dev/input` are watched, as far as the agent may read them; else the desktop is asked when it was touched.
    pub input: bool,
    /// Seconds of the countdown, 2–60.
    pub countdown_seconds: u16,
    /// Seconds that a countdown waits for certainty before it is given up, 0–60.
    pub doubt_seconds: u16,
    /// Seconds that nobody may have touched keyboard or pointer for a countdown to begin, 1–300.
    pub pause_seconds: u16,
    /// The same for the phone to be away, where the desktop does not say when it was touched, 5–600.
    pub blind_pause_seconds: u16,
    /// How likely it has to be that she has left for a countdown to begin, in percent, 5–95.
    pub suspicion_percent: u16,
    /// How likely for it to end in a lock, in thousandths, 500–999.
    pub certainty_permille: u16,
    /// Seconds after which a phone without a link that is not heard has left, 10–600.
    pub silence_seconds: u16,
    /// Whether the link of the tap is kept while she works: it says that the phone is there when its advertisements are not heard.
    pub keep_link: bool,
    /// Minutes without keyboard and pointer after which a countdown begins wherever the phone is, 0–480; 0: never.
    pub idle_minutes: u16,
}

impl Default for WalkAwayConfig {
    fn default() -> Self {
        let constants = Constants::default();
        let seconds = |time: Duration| u16::try_from(time.as_secs()).unwrap_or(u16::MAX);
        Self {
            enabled: true,
            input: true,
            countdown_seconds: seconds(constants.countdown),
            doubt_seconds: seconds(constants.doubt),
            pause_seconds: seconds(constants.pause),
            blind_pause_seconds: seconds(constants.blind_pause),
            suspicion_percent: 30,
            certainty_permille: 980,
            silence_seconds: seconds(constants.silence),
            keep_link: true,
            idle_minutes: constants.idle.map_or(0, |idle| seconds(idle / 60)),
        }
    }
}

impl WalkAwayConfig {
    /// The numbers; `None` where nobody is locked out.
    pub fn constants(&self) -> Option<Constants> {
        let seconds = |seconds: u16| Duration::from_secs(seconds.into());
        let idle = (self.idle_minutes > 0).then(|| Duration::from_mins(self.idle_minutes.into()));
        self.enabled.then(|| Constants {
            countdown: seconds(self.countdown_seconds),
            doubt: seconds(self.doubt_seconds),
            pause: seconds(self.pause_seconds),
            blind_pause: seconds(self.blind_pause_seconds),
            suspicion: f64::from(self.suspicion_percent) / 100.0,
            certainty: f64::from(self.certainty_permille) / 1000.0,
            silence: seconds(self.silence_seconds),
            idle,
            ..Constants::default()
        })
    }

    /// Whether the link of the tap is kept while she works.
    pub const fn keeps_link(&self) -> bool {
        self.enabled && self.keep_link
    }

    /// Each key, its value, and its range.
    pub(super) fn ranges(&self) -> [(&'static str, u16, u16, u16); 8] {
        [
            ("walk_away.countdown_seconds", self.countdown_seconds, 2, 60),
            ("walk_away.doubt_seconds", self.doubt_seconds, 0, 60),
            ("walk_away.pause_seconds", self.pause_seconds, 1, 300),
            ("walk_away.blind_pause_seconds", self.blind_pause_seconds, 5, 600),
            ("walk_away.suspicion_percent", self.suspicion_percent, 5, 95),
            ("walk_away.certainty_permille", self.certainty_permille, 500, 999),
            ("walk_away.silence_seconds", self.silence_seconds, 10, 600),
            ("walk_away.idle_minutes", self.idle_minutes, 0, 480),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_that_were_measured() {
        assert_eq!(WalkAwayConfig::default().constants(), Some(Constants::default()));
        let off = WalkAwayConfig { enabled: false, ..WalkAwayConfig::default() };
        assert_eq!(off.constants(), None);
        let without = WalkAwayConfig { idle_minutes: 0, ..WalkAwayConfig::default() };
        assert_eq!(without.constants().unwrap().idle, None);
    }
}
