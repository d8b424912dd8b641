//! Paper: less gamut than the photograph, a screen of dots, fibres, and gloss where it is coated.
use crate::light::{Light, luminance};
use crate::noise::{Noise, texture};

/// One kind of paper from one printer.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    /// Light of the densest black and of the bare paper. ISO 12647-2: some 1.5–4 % and 75–90 %.
    black: f32,
    white: Light,
    /// Of the colours that are left.
    saturation: f32,
    /// Dots per frame width, angle and depth of the halftone; printers with fine random dots have depth zero.
    dots: f32,
    angle: f32,
    depth: f32,
    fibre: f32,
    seed: u64,
    /// Light that a coated surface mirrors.
    pub(crate) gloss: f32,
}

impl Paper {
    /// From a laser printer on plain paper to a laboratory's glossy print.
    pub(crate) fn new(noise: &mut Noise) -> Self {
        let quality = noise.share();
        let warm = noise.between(0.9, 1.0);
        let brightness = 0.75 + 0.13 * quality;
        Self {
            black: 0.05 - 0.035 * quality,
            white: [brightness, brightness * (1.0 + warm) / 2.0, brightness * warm],
            saturation: 0.68 + 0.25 * quality,
            dots: noise.between(280.0, 700.0),
            angle: noise.between(0.2, 0.9),
            depth: if quality < 0.6 { noise.between(0.3, 0.8) } else { 0.0 },
            fibre: 0.05 - 0.04 * quality,
            seed: (noise.share() * 1e6) as u64,
            gloss: if quality > 0.5 { noise.between(0.0, 0.3) } else { 0.0 },
        }
    }

    /// Light that comes back from a place where `colour` was to be printed, under light of strength one.
    pub(crate) fn reflect(&self, colour: Light, u: f32, v: f32) -> Light {
        let grey = luminance(colour);
        let fibre = texture(self.seed, u * 420.0, v * 420.0)
            + texture(self.seed, u * 110.0, v * 110.0)
            - 1.0;
        [0, 1, 2].map(|c| {
            let wanted = (grey + (colour[c] - grey) * self.saturation).clamp(0.0, 1.0);
            let printed = wanted + self.dot(wanted, c, u, v);
            (self.black + (self.white[c] - self.black) * printed) * (1.0 + self.fibre * fibre)
        })
    }

    /// The first harmonic of a clustered dot: strongest in the middle tones, each ink at its own angle.
    fn dot(&self, wanted: f32, channel: usize, u: f32, v: f32) -> f32 {
        if self.depth == 0.0 {
            return 0.0;
        }
        let (sin, cos) = (self.angle + channel as f32 * 0.52).sin_cos();
        let turn = std::f32::consts::TAU * self.dots;
        let (x, y) = ((u * cos + v * sin) * turn, (v * cos - u * sin) * turn);
        let strength = 4.0 * wanted * (1.0 - wanted);
        0.25 * self.depth * strength * (x.cos() + y.cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_is_never_as_black_or_white_as_the_photograph() {
        for seed in 0..50 {
            let paper = Paper::new(&mut Noise::new(seed));
            let dark = paper.reflect([0.0; 3], 0.01, 0.02);
            let bright = paper.reflect([1.0; 3], 0.01, 0.02);
            assert!(dark.iter().all(|l| *l > 0.008), "{dark:?}");
            assert!(bright.iter().all(|l| *l < 0.95), "{bright:?}");
        }
    }

    #[test]
    fn colours_lose_saturation() {
        let paper = Paper::new(&mut Noise::new(3));
        let red = paper.reflect([0.8, 0.1, 0.1], 0.0, 0.0);
        assert!(red[0] / red[1] < 8.0 && red[0] > red[1]);
    }
}
