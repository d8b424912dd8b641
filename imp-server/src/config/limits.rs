//! `[limits]`: how often strangers may try.
use serde::Deserialize;

/// How often strangers may try. Each number is per minute and per address (IPv6: per network /64), and may be spent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Wrong codes, secrets and client authentications.
    pub failures_per_minute: u32,
    /// Sign-ins, device codes and other things that are begun before it is known who asks.
    pub openings_per_minute: u32,
    /// Applications that register themselves.
    pub registrations_per_minute: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { failures_per_minute: 60, openings_per_minute: 6000, registrations_per_minute: 20 }
    }
}

impl LimitsConfig {
    /// Each key with its value, its least and its most.
    pub(super) const fn ranges(&self) -> [(&'static str, u32, u32, u32); 3] {
        [
            ("limits.failures_per_minute", self.failures_per_minute, 1, 1_000_000),
            ("limits.openings_per_minute", self.openings_per_minute, 1, 10_000_000),
            ("limits.registrations_per_minute", self.registrations_per_minute, 1, 1_000_000),
        ]
    }
}
