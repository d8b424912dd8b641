//! Whether a face is good enough to compare, after the components of ISO/IEC 29794-5 that can be judged without another
//! network: size, sharpness, illumination, pose.
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::align::{Crop, SIDE};
use crate::detect::Landmarks;

/// Measured components; each says in what unit.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Quality {
    /// Between the centres of the eyes, in pixels.
    pub eye_distance: f32,
    /// Root mean square of the Laplacian around the eyes, per unit of contrast.
    pub sharpness: f32,
    /// Mean brightness around the eyes, 0–255.
    pub brightness: f32,
    /// Standard deviation of brightness around the eyes, 0–128.
    pub contrast: f32,
    /// Difference of brightness between the two halves, as a share of their sum.
    pub unevenness: f32,
    /// Head turned aside, in degrees, positive to the picture's right; estimated from the landmarks.
    pub yaw: f32,
    /// Head tilted to a shoulder, in degrees.
    pub roll: f32,
}

/// What the person in front of the camera can do about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hint {
    /// The face is small.
    MoveCloser,
    /// The face is blurred.
    HoldStill,
    /// The face is dark.
    MoreLight,
    /// The face is overexposed.
    LessLight,
    /// One half is much darker.
    EvenLight,
    /// The head is turned.
    FaceCamera,
    /// The head is tilted.
    HeadUpright,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MoveCloser => "move closer to the camera",
            Self::HoldStill => "hold still",
            Self::MoreLight => "more light on the face is needed",
            Self::LessLight => "less light on the face is needed",
            Self::EvenLight => "turn so that the light falls evenly on the face",
            Self::FaceCamera => "look straight into the camera",
            Self::HeadUpright => "hold the head upright",
        })
    }
}

/// Bounds of one severity.
struct Bounds {
    eye_distance: f32,
    sharpness: f32,
    dark: f32,
    bright: f32,
    contrast: f32,
    unevenness: f32,
    yaw: f32,
    roll: f32,
}

/// Outside these a comparison would be a guess.
const USABLE: Bounds = Bounds {
    eye_distance: 16.0,
    sharpness: 0.02,
    dark: 20.0,
    bright: 245.0,
    contrast: 6.0,
    unevenness: 0.7,
    yaw: 50.0,
    roll: 50.0,
};

/// Outside these the person is told how to do better.
const GOOD: Bounds = Bounds {
    eye_distance: 48.0,
    sharpness: 0.045,
    dark: 45.0,
    bright: 225.0,
    contrast: 14.0,
    unevenness: 0.45,
    yaw: 28.0,
    roll: 20.0,
};

/// Least distance between the eyes with which a face is compared, in pixels.
pub(crate) const LEAST_EYE_DISTANCE: f32 = USABLE.eye_distance;

/// The nose's tip stands out of the plane of the eyes by about this share of their distance.
const NOSE_DEPTH: f32 = 0.55;

/// The part of the crop that a face mask leaves free: rows from the brows to below the eyes.
const EYES: std::ops::Range<usize> = 34..68;
/// Columns inside the face.
const FACE: std::ops::Range<usize> = 20..92;

impl Quality {
    /// Measures a face from its aligned crop and its landmarks in the picture.
    pub fn measure(crop: &Crop, landmarks: &Landmarks) -> Self {
        let luma = crop.luma();
        let at = |x: usize, y: usize| luma[y * SIDE + x];
        let pixels = || EYES.flat_map(|y| FACE.map(move |x| (x, y)));
        let count = pixels().count() as f32;
        let brightness = pixels().map(|(x, y)| at(x, y)).sum::<f32>() / count;
        let variance = pixels().map(|(x, y)| (at(x, y) - brightness).powi(2)).sum::<f32>() / count;
        let laplacian = |(x, y): (usize, usize)| {
            4.0 * at(x, y) - at(x - 1, y) - at(x + 1, y) - at(x, y - 1) - at(x, y + 1)
        };
        let edges = (pixels().map(|p| laplacian(p).powi(2)).sum::<f32>() / count).sqrt();
        let contrast = variance.sqrt();
        let half = |left: bool| -> f32 {
            pixels().filter(|(x, _)| (*x < SIDE / 2) == left).map(|(x, y)| at(x, y)).sum()
        };
        let (left, right) = (half(true), half(false));
        let (yaw, roll) = pose(landmarks);
        Self {
            eye_distance: landmarks.eye_distance(),
            sharpness: edges / (4.0 * contrast.max(1.0)),
            brightness,
            contrast,
            unevenness: (left - right).abs() / (left + right).max(1.0),
            yaw,
            roll,
        }
    }

    /// How to do better, where that would help.
    pub fn hint(&self) -> Option<Hint> {
        self.outside(&GOOD)
    }

    /// What makes this face unusable, if anything.
    pub fn refusal(&self) -> Option<Hint> {
        self.outside(&USABLE)
    }

    /// A single number by which to choose among frames; larger is better.
    pub(crate) fn rank(&self) -> f32 {
        let size = (self.eye_distance / 64.0).min(1.0);
        let sharp = (self.sharpness / 0.15).min(1.0);
        let frontal = 1.0 - (self.yaw.abs() / 90.0).min(1.0);
        size * sharp * frontal
    }

    fn outside(&self, bounds: &Bounds) -> Option<Hint> {
        let complaints = [
            (self.eye_distance < bounds.eye_distance, Hint::MoveCloser),
            (self.brightness < bounds.dark, Hint::MoreLight),
            (self.brightness > bounds.bright, Hint::LessLight),
            (self.contrast < bounds.contrast, Hint::MoreLight),
            (self.yaw.abs() > bounds.yaw, Hint::FaceCamera),
            (self.roll.abs() > bounds.roll, Hint::HeadUpright),
            (self.sharpness < bounds.sharpness, Hint::HoldStill),
            (self.unevenness > bounds.unevenness, Hint::EvenLight),
        ];
        complaints.into_iter().find(|(outside, _)| *outside).map(|(_, hint)| hint)
    }
}

/// Yaw and roll in degrees: the nose leaves the middle between the eyes when the head turns.
fn pose(landmarks: &Landmarks) -> (f32, f32) {
    let (right, left) = (landmarks.right_eye, landmarks.left_eye);
    let distance = landmarks.eye_distance().max(f32::MIN_POSITIVE);
    let (across, down) = ((left.x - right.x) / distance, (left.y - right.y) / distance);
    let middle = right.midpoint(left);
    let offset =
        ((landmarks.nose.x - middle.x) * across + (landmarks.nose.y - middle.y) * down) / distance;
    let yaw = (offset / NOSE_DEPTH).atan().to_degrees();
    (yaw, down.atan2(across).to_degrees())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align::align;
    use crate::detect::Point;
    use crate::image::Image;

    fn landmarks(nose_x: f32, left_eye_y: f32) -> Landmarks {
        let at = |x, y| Point { x, y };
        Landmarks {
            right_eye: at(38.3, 51.6),
            left_eye: at(73.5, left_eye_y),
            nose: at(nose_x, 71.7),
            mouth_right: at(41.5, 92.4),
            mouth_left: at(70.7, 92.2),
        }
    }

    fn measured(pixel: impl Fn(usize, usize) -> u8) -> Quality {
        let rgb = (0..SIDE * SIDE).flat_map(|i| [pixel(i % SIDE, i / SIDE); 3]).collect();
        let image = Image::from_rgb(SIDE as u32, SIDE as u32, rgb).unwrap();
        let place = landmarks(56.0, 51.5);
        Quality::measure(&align(&image, &place), &place)
    }

    #[test]
    fn a_dark_a_bright_and_a_flat_face_are_refused_with_the_right_hint() {
        assert_eq!(measured(|_, _| 5).refusal(), Some(Hint::MoreLight));
        assert_eq!(measured(|_, _| 252).refusal(), Some(Hint::LessLight));
        assert_eq!(measured(|_, _| 128).refusal(), Some(Hint::MoreLight));
    }

    #[test]
    fn a_smooth_gradient_is_blurred_and_stripes_are_sharp() {
        let blurred = measured(|x, _| (40 + x) as u8);
        let sharp = measured(|x, _| if x / 3 % 2 == 0 { 60 } else { 180 });
        assert_eq!(blurred.refusal(), Some(Hint::HoldStill));
        assert!(sharp.sharpness > 10.0 * blurred.sharpness);
        assert_eq!(sharp.refusal(), None);
    }

    #[test]
    fn turning_and_tilting_are_measured_in_degrees() {
        let (straight, _) = pose(&landmarks(55.9, 51.6));
        let (turned, _) = pose(&landmarks(75.2, 51.6));
        let (_, tilted) = pose(&landmarks(55.9, 51.6 + 35.2));
        assert!(straight.abs() < 1.0);
        assert!((turned - 45.0).abs() < 1.5, "{turned}");
        assert!((tilted - 45.0).abs() < 1.0, "{tilted}");
    }
}
