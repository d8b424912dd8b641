//! The numbers of the estimate: how bodies, distance, fading and a busy air look to a radio.

/// How a phone is heard. `docs/walk-away.md` says where the numbers are from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// Path loss exponent.
    pub exponent: f64,
    /// Metres to the first wall, and decibels that each takes, every six metres.
    pub wall_at: f64,
    /// See above.
    pub wall: f64,
    /// Standard deviations of a strength above and below its level, in decibels: fades reach deep down and hardly up.
    pub above: f64,
    /// See above.
    pub below: f64,
    /// The same of a link, which hops.
    pub hops: f64,
    /// Decibels by which the usual level, an upper quartile, is above the middle.
    pub quartile: f64,
    /// In dBm, what a radio hears half of, and how soft that limit is, in decibels.
    pub hears: f64,
    /// See above.
    pub soft: f64,
    /// In dBm, where half of the links hold for a second.
    pub holds: f64,
    /// How much one advertisement counts: neighbours in time fade together and are no independent witnesses.
    pub weight: f64,
    /// The same for one that was not heard.
    pub miss_weight: f64,
    /// The same for a reading of the link.
    pub link_weight: f64,
    /// The same for other phones.
    pub others_weight: f64,
    /// The share of advertisements that is heard in a busy air.
    pub jammed: f64,
    /// How often, a second, the air becomes busy, and clear again.
    pub jams: f64,
    /// See above.
    pub clears: f64,
    /// How likely a link is lost at a time though she is there, and is not made again within a second.
    pub glitch: f64,
    /// See above.
    pub unmade: f64,
    /// How often, a second, she moves while she sits there.
    pub moves: f64,
    /// How often, a second, she turns while she walks.
    pub turns: f64,
    /// Metres a second; and the share of it beyond twelve metres, where many have arrived.
    pub speed: f64,
    /// See above.
    pub stays: f64,
    /// How often, a second, whoever has gone is back.
    pub returns: f64,
    /// How often, a second, she gets up: within [`Self::soon`] seconds of the last input, and later.
    pub rises: f64,
    /// See above.
    pub rises_later: f64,
    /// See above.
    pub soon: f64,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            exponent: 2.1,
            wall_at: 7.0,
            wall: 7.0,
            above: 3.5,
            below: 6.0,
            hops: 4.0,
            quartile: 1.5,
            hears: -92.0,
            soft: 2.0,
            holds: -97.0,
            weight: 0.4,
            miss_weight: 0.8,
            link_weight: 0.4,
            others_weight: 0.5,
            jammed: 0.15,
            jams: 1.0 / 600.0,
            clears: 1.0 / 20.0,
            glitch: 0.005,
            unmade: 0.8,
            moves: 1.0 / 40.0,
            turns: 1.0 / 10.0,
            speed: 1.2,
            stays: 0.15,
            returns: 1.0 / 200.0,
            rises: 1.0 / 100.0,
            rises_later: 1.0 / 300.0,
            soon: 15.0,
        }
    }
}

impl Model {
    /// How likely an advertisement at this level is heard.
    pub(crate) fn detects(&self, level: f64) -> f64 {
        1.0 / (1.0 + (-(level - self.hears) / self.soft).exp())
    }

    /// How likely a link at this level holds for a second.
    pub(crate) fn linked(&self, level: f64) -> f64 {
        1.0 / (1.0 + (-(level - self.holds) / 1.5).exp())
    }

    /// Density of a strength that is so many decibels above its level: two halves of normal ones, and a floor for what is neither.
    pub(crate) fn strength(&self, above: f64) -> f64 {
        let above = above + self.quartile;
        let spread = if above > 0.0 { self.above } else { self.below };
        let peak = 2.0 / ((self.above + self.below) * std::f64::consts::TAU.sqrt());
        peak.mul_add((-0.5 * (above / spread).powi(2)).exp(), 1e-4)
    }

    /// The same for a reading of the link.
    pub(crate) fn hop(&self, above: f64) -> f64 {
        let peak = 1.0 / (self.hops * std::f64::consts::TAU.sqrt());
        peak.mul_add((-0.5 * (above / self.hops).powi(2)).exp(), 1e-4)
    }
}
