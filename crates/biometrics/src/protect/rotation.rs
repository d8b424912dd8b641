//! A random rotation or reflection of 128 dimensions: what hides an embedding and keeps every angle.
//!
//! Drawn from the Haar measure, the uniform distribution over orthogonal matrices: then a rotated unit vector is uniform
//! on the sphere whoever it describes, so that without the key it says nothing at all. Made of Householder reflections
//! (Stewart 1980, SIAM J. Numer. Anal. 17(3), with the signs of Mezzadri 2007, Notices of the AMS 54(5)), which need half
//! of the random numbers of a QR decomposition and no matrix.
use std::f64::consts::TAU;

use zeroize::Zeroizing;

use super::key::{TemplateKey, Use};
use crate::embed::DIMENSIONS;

/// Normal numbers that a rotation needs: 128 for the first reflection, one less for each further one, one for the last sign.
const NORMALS: usize = DIMENSIONS * (DIMENSIONS + 1) / 2;

/// An orthogonal map.
pub(super) struct Rotation {
    /// The unit vectors of the reflections, 128 numbers, then 127, down to 2.
    mirrors: Zeroizing<Vec<f64>>,
    /// What each reflection is multiplied with, +1 or −1; the last one stands for dimension 1.
    signs: Zeroizing<Vec<f64>>,
}

impl Rotation {
    /// The one of `key` for `purpose`. Takes half a millisecond.
    pub(super) fn new(key: &TemplateKey, purpose: Use) -> Self {
        let mut mirrors = normals(&key.derive(purpose, NORMALS * 8));
        let mut signs = Zeroizing::new(Vec::with_capacity(DIMENSIONS));
        let mut rest = mirrors.as_mut_slice();
        for size in (2..=DIMENSIONS).rev() {
            let (mirror, further) = std::mem::take(&mut rest).split_at_mut(size);
            signs.push(-aim(mirror));
            rest = further;
        }
        signs.push(rest.first().map_or(1.0, |last| 1f64.copysign(*last)));
        mirrors.truncate(NORMALS - 1);
        Self { mirrors, signs }
    }

    /// Rotates `values`, of which there are 128.
    pub(super) fn apply(&self, values: &mut [f64]) {
        for (mirror, sign) in self.reflections().rev() {
            let from = DIMENSIONS - mirror.len();
            reflect(&mut values[from..], mirror);
            values[from..].iter_mut().for_each(|value| *value *= sign);
        }
    }

    /// Undoes [`Self::apply`].
    pub(super) fn undo(&self, values: &mut [f64]) {
        for (mirror, sign) in self.reflections() {
            let from = DIMENSIONS - mirror.len();
            reflect(&mut values[from..], mirror);
            values[from..].iter_mut().for_each(|value| *value *= sign);
        }
    }

    /// From the reflection of all dimensions to that of one, whose mirror is of no effect.
    fn reflections(&self) -> impl DoubleEndedIterator<Item = (&[f64], f64)> {
        let start = |size: usize| NORMALS - size * (size + 1) / 2;
        let mirror = move |size: usize| match size {
            1 => &[0.0][..],
            _ => &self.mirrors[start(size)..start(size) + size],
        };
        (0..DIMENSIONS).map(move |index| (mirror(DIMENSIONS - index), self.signs[index]))
    }
}

/// Makes of a normal vector the unit vector whose reflection takes it to the first axis; returns the sign of its first number.
fn aim(vector: &mut [f64]) -> f64 {
    let sign = 1f64.copysign(vector[0]);
    vector[0] += sign * length(vector);
    // Zero with a probability of none; the reflection is then no reflection.
    let length = length(vector).max(f64::MIN_POSITIVE);
    for value in vector {
        *value /= length;
    }
    sign
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn reflect(values: &mut [f64], mirror: &[f64]) {
    let twice: f64 = 2.0 * values.iter().zip(mirror).map(|(v, m)| v * m).sum::<f64>();
    values.iter_mut().zip(mirror).for_each(|(v, m)| *v -= twice * m);
}

/// Independent normal numbers by the Box–Muller transform, two of each 16 bytes.
fn normals(bytes: &[u8]) -> Zeroizing<Vec<f64>> {
    let mut normals = Zeroizing::new(Vec::with_capacity(bytes.len() / 8));
    for pair in bytes.as_chunks::<16>().0 {
        let (first, second) = (uniform(pair, 0), uniform(pair, 8));
        let radius = (-2.0 * (1.0 - first).ln()).sqrt();
        let (sine, cosine) = (TAU * second).sin_cos();
        normals.extend([radius * cosine, radius * sine]);
    }
    normals
}

/// The eight bytes from `at` as a number from 0 to 1, without 1: 53 bits, the most significant first.
fn uniform(bytes: &[u8; 16], at: usize) -> f64 {
    let word = bytes[at..at + 8].iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    (word >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotation(seed: u8) -> Rotation {
        Rotation::new(&TemplateKey::from(&[seed; 32]), Use::Bare)
    }

    fn vector(seed: u32) -> Vec<f64> {
        let value = |i: u32| {
            f64::from(i.wrapping_mul(2_654_435_761).wrapping_add(seed * 977) >> 16) - 32768.0
        };
        (0..DIMENSIONS as u32).map(value).collect()
    }

    fn rotated(rotation: &Rotation, mut values: Vec<f64>) -> Vec<f64> {
        rotation.apply(&mut values);
        values
    }

    fn product(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn lengths_and_angles_stay() {
        let (rotation, a, b) = (rotation(1), vector(1), vector(2));
        let (c, d) = (rotated(&rotation, a.clone()), rotated(&rotation, b.clone()));
        for (before, after) in
            [(product(&a, &b), product(&c, &d)), (product(&a, &a), product(&c, &c))]
        {
            assert!((before / after - 1.0).abs() < 1e-12, "{before} {after}");
        }
        assert!(product(&a, &c).abs() < 0.4 * product(&a, &a));
    }

    #[test]
    fn undoing_gives_back_what_was_rotated() {
        let (rotation, before) = (rotation(3), vector(5));
        let mut values = rotated(&rotation, before.clone());
        rotation.undo(&mut values);
        let error = before.iter().zip(&values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error < 1e-9, "{error}");
    }

    /// The first axis goes to a place that is uniform on the sphere, and so does every other vector: over many keys each
    /// component has the mean 0 and the variance 1/128, whatever the vector, and both determinants occur.
    #[test]
    fn over_many_keys_every_direction_is_equally_likely() {
        const KEYS: u32 = 500;
        let mut along_axis = vec![0.0; DIMENSIONS];
        along_axis[0] = 1.0;
        let one = vector(9);
        let size = length(&one);
        let one: Vec<f64> = one.iter().map(|v| v / size).collect();
        for start in [along_axis, one] {
            let (mut sums, mut squares) = (vec![0.0; DIMENSIONS], vec![0.0; DIMENSIONS]);
            let mut last_signs = 0;
            for key in 0..KEYS {
                let mut bytes = [0; 32];
                bytes[..4].copy_from_slice(&key.to_be_bytes());
                let rotation = Rotation::new(&TemplateKey::from(&bytes), Use::Masked);
                last_signs += u32::from(rotation.signs[DIMENSIONS - 1] > 0.0);
                for (index, value) in rotated(&rotation, start.clone()).into_iter().enumerate() {
                    sums[index] += value;
                    squares[index] += value * value;
                }
            }
            let (keys, variance) = (f64::from(KEYS), 1.0 / DIMENSIONS as f64);
            // Five standard errors: of a mean, and of a variance of nearly normal numbers.
            let mean_limit = 5.0 * (variance / keys).sqrt();
            let variance_limit = 5.0 * variance * (2.0 / keys).sqrt();
            for (sum, square) in sums.iter().zip(&squares) {
                assert!((sum / keys).abs() < mean_limit, "{}", sum / keys);
                assert!((square / keys - variance).abs() < variance_limit, "{}", square / keys);
            }
            assert!((190..310).contains(&last_signs), "{last_signs}");
        }
    }

    #[test]
    fn the_rotation_is_the_one_that_is_documented() {
        // Computed with numpy from the description in docs/faces/protection.md: the image of the last axis, which every
        // reflection moves.
        let key = TemplateKey::from(&std::array::from_fn(|i| i as u8));
        let mut values = vec![0.0; DIMENSIONS];
        values[DIMENSIONS - 1] = 1.0;
        Rotation::new(&key, Use::Bare).apply(&mut values);
        let expected = [
            -0.040_906_125_388_170_42,
            0.042_056_965_141_491_78,
            -0.135_472_564_407_057_27,
            0.030_049_481_586_975_273,
            0.028_280_834_942_771_713,
            -0.074_109_158_086_317_46,
        ];
        for (found, expected) in values.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }
}
