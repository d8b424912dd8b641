//! Where the rules draw their lines.
use serde::{Deserialize, Serialize};

/// The lines of the rules; a hospital draws its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// The shortest journey between two sites, in minutes.
    pub travel_minutes: u32,
    /// The shortest walk between two workstations of one site, in seconds.
    pub walk_seconds: u32,
    /// How many refused taps at one workstation are many…
    pub failures: u32,
    /// … within so many minutes.
    pub failure_minutes: u32,
    /// A unit is a person's own for so many days after a tap there.
    pub unit_days: u32,
    /// First hour of the night, local time, 0 to 23.
    pub night_from: u8,
    /// First hour after the night, local time, 0 to 23.
    pub night_until: u8,
    /// How many taps say enough of a person's habits to call a night tap odd.
    pub habit_taps: u32,
    /// A night tap is odd when at most so many of 1,000 of her taps were at night.
    pub habit_night_per_mille: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            travel_minutes: 30,
            walk_seconds: 20,
            failures: 5,
            failure_minutes: 10,
            unit_days: 30,
            night_from: 22,
            night_until: 6,
            habit_taps: 40,
            habit_night_per_mille: 20,
        }
    }
}

impl Thresholds {
    /// Whether a local hour (0 to 23) is in the night, which may go over midnight.
    pub const fn is_night(&self, hour: u8) -> bool {
        if self.night_from <= self.night_until {
            self.night_from <= hour && hour < self.night_until
        } else {
            hour >= self.night_from || hour < self.night_until
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_may_go_over_midnight_or_not() {
        let usual = Thresholds::default();
        let hours: Vec<u8> = (0..24).filter(|hour| usual.is_night(*hour)).collect();
        assert_eq!(hours, [0, 1, 2, 3, 4, 5, 22, 23]);
        let early = Thresholds { night_from: 1, night_until: 4, ..usual };
        let hours: Vec<u8> = (0..24).filter(|hour| early.is_night(*hour)).collect();
        assert_eq!(hours, [1, 2, 3]);
    }
}
