//! Seeded randomness: the same seed renders the same pictures on every machine.

/// `SplitMix64` (Steele, Lea, Flood 2014): quick and good enough for pictures; nothing secret depends on it.
#[derive(Clone, Debug)]
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another generator that has nothing to do with this one, for the part called `label`.
    pub(crate) fn part(&self, label: &str) -> Self {
        let seed = label.bytes().fold(self.0, |seed, byte| mixed(seed ^ u64::from(byte)));
        Self(seed)
    }

    /// The next value, 0–1.
    pub(crate) fn share(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        unit(mixed(self.0))
    }

    /// Evenly between `low` and `high`.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.share()
    }

    /// True with probability `share`.
    pub(crate) fn chance(&mut self, share: f32) -> bool {
        self.share() < share
    }

    /// Of the normal distribution (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f32 {
        let radius = (-2.0 * self.share().max(1e-7).ln()).sqrt();
        radius * (std::f32::consts::TAU * self.share()).cos()
    }
}

/// A value for a place, 0–1, that changes smoothly over about one unit: texture that stays where it is.
pub(crate) fn texture(seed: u64, x: f32, y: f32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let (right, low) = (smooth(x - left), smooth(y - top));
    let at = |dx: i64, dy: i64| {
        let place =
            (left as i64 + dx).cast_unsigned() ^ (top as i64 + dy).cast_unsigned().rotate_left(32);
        unit(mixed(seed ^ mixed(place)))
    };
    let above = at(0, 0) * (1.0 - right) + at(1, 0) * right;
    let below = at(0, 1) * (1.0 - right) + at(1, 1) * right;
    above * (1.0 - low) + below * low
}

fn unit(bits: u64) -> f32 {
    (bits >> 40) as f32 / (1u64 << 24) as f32
}

fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_values_have_mean_zero_and_variance_one() {
        let mut noise = Noise::new(7);
        let values: Vec<f32> = (0..20_000).map(|_| noise.normal()).collect();
        let mean = values.iter().sum::<f32>() / 20_000.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    #[test]
    fn texture_is_continuous_and_the_same_each_time() {
        for i in 0..200 {
            let x = i as f32 * 0.37 - 30.0;
            assert!((texture(3, x, 2.0) - texture(3, x + 1e-3, 2.0)).abs() < 0.01);
            assert_eq!(texture(3, x, 2.0).to_bits(), texture(3, x, 2.0).to_bits());
        }
    }
}
