//! How what is held by a hand or stands on legs moves.
use std::f32::consts::TAU;

use crate::noise::Noise;

/// Oscillations about a middle: physiological tremor is 8–12 Hz (Elble 1996), sway and drift are slower and larger.
#[derive(Clone, Debug)]
pub(crate) struct Oscillation(Vec<Wave>);

#[derive(Clone, Copy, Debug)]
struct Wave {
    amplitude: f32,
    hertz: f32,
    phase: f32,
}

impl Oscillation {
    /// Mostly below one hertz, as a standing person moves; `amplitude` is in the unit of the result.
    pub(crate) fn sway(amplitude: f32, noise: &mut Noise) -> Self {
        Self((0..3).map(|_| Wave::new(amplitude / 3.0, (0.15, 1.2), noise)).collect())
    }

    /// Sway of the arm with the tremor of a hand that holds something on top.
    pub(crate) fn hand(amplitude: f32, noise: &mut Noise) -> Self {
        let mut waves = Self::sway(amplitude, noise).0;
        waves.extend((0..2).map(|_| Wave::new(amplitude / 12.0, (8.0, 12.0), noise)));
        Self(waves)
    }

    pub(crate) fn at(&self, seconds: f32) -> f32 {
        self.0.iter().map(|w| w.amplitude * (TAU * (w.hertz * seconds + w.phase)).sin()).sum()
    }
}

impl Wave {
    fn new(amplitude: f32, (slow, quick): (f32, f32), noise: &mut Noise) -> Self {
        Self {
            amplitude: amplitude * noise.between(0.6, 1.4),
            hertz: noise.between(slow, quick),
            phase: noise.share(),
        }
    }
}
