//! The filter of signal strengths.
use std::collections::VecDeque;
use std::time::Duration;

/// Most signal strengths that are kept: a phone that advertises every 20 ms, the least that Bluetooth allows (Core 5.4, Vol 6, Part B,
/// §4.4.2.2), for five seconds. With more, the oldest go.
const MOST: usize = 256;

/// The level of a phone: the upper quartile of the signal strengths that were heard within a sliding window.
///
/// Fades reach deep down and hardly up: a phone that lies still is heard at −60 dBm on one advertising channel and at −80 dBm on another,
/// and which of them the radio listens on changes. So the upper quartile says how near a phone is, where a mean says how the channels are
/// just now. It follows a phone that comes near within a quarter of the window, and one that goes within three quarters.
#[derive(Clone, Debug)]
pub struct Level {
    window: Duration,
    heard: VecDeque<(Duration, i16)>,
}

impl Level {
    /// Nothing was heard yet.
    pub const fn new(window: Duration) -> Self {
        Self { window, heard: VecDeque::new() }
    }

    /// A signal strength, in dBm, at `now`.
    pub fn hear(&mut self, rssi: i16, now: Duration) {
        if self.heard.len() >= MOST {
            self.heard.pop_front();
        }
        self.heard.push_back((now, rssi));
    }

    /// The level at `now`, in dBm; `None` when nothing was heard within the window.
    pub fn at(&mut self, now: Duration) -> Option<i16> {
        let first = now.saturating_sub(self.window);
        while self.heard.front().is_some_and(|(at, _)| *at < first) {
            self.heard.pop_front();
        }
        let mut strengths: Vec<_> = self.heard.iter().map(|(_, rssi)| *rssi).collect();
        let rank = (strengths.len() * 3 / 4).min(strengths.len().checked_sub(1)?);
        Some(*strengths.select_nth_unstable(rank).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(s: f64) -> Duration {
        Duration::from_secs_f64(s)
    }

    #[test]
    fn deep_fades_hardly_move_it_and_a_level_that_stays_low_does() {
        let mut level = Level::new(seconds(3.0));
        assert_eq!(level.at(seconds(0.0)), None);
        // Of twelve advertisements eight on channels in a fade.
        for n in 0..12_u32 {
            let rssi = if n % 3 == 0 { -60 } else { -85 };
            level.hear(rssi, seconds(f64::from(n) * 0.25));
        }
        assert_eq!(level.at(seconds(2.75)), Some(-60));
        for n in 12..24_u32 {
            level.hear(-88, seconds(f64::from(n) * 0.25));
        }
        assert_eq!(level.at(seconds(5.75)), Some(-88));
        assert_eq!(level.at(seconds(9.0)), None, "nothing was heard for a while");
    }

    #[test]
    fn a_phone_that_floods_the_air_is_remembered_within_bounds() {
        let mut level = Level::new(seconds(3.0));
        for _ in 0..100_000 {
            level.hear(-50, seconds(1.0));
        }
        assert_eq!((level.heard.len(), level.at(seconds(1.0))), (MOST, Some(-50)));
    }
}
