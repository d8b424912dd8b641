//! Whether a face is good enough to compare, or to be a reference: the quality components of ISO/IEC 29794-5 that can be judged
//! without another network. `docs/faces/quality.md` has how often each is wrong.
mod bounds;
mod eyes;
mod frame;
mod hint;
mod light;
mod pose;

use serde::{Deserialize, Serialize};

use crate::align::Crop;
use crate::detect::Face;
use crate::image::Image;

pub(crate) use bounds::LEAST_EYE_DISTANCE;
use bounds::{GOOD, REFERENCE, USABLE};
pub use hint::Hint;

/// Measured components; each says in what unit.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
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
    /// Head bowed, in degrees, negative where it is raised; estimated from the landmarks, which a mask disturbs.
    #[serde(default)]
    pub pitch: f32,
    /// Share of pixels around the eyes that are too dark to show anything, 0–1.
    #[serde(default)]
    pub under_exposed: f32,
    /// Share of pixels around the eyes that are too bright to show anything, 0–1.
    #[serde(default)]
    pub over_exposed: f32,
    /// How much brighter the surroundings are than the face, as a share of the whole range, −1 to 1.
    #[serde(default)]
    pub backlight: f32,
    /// Brightness of eyes and the skin under them beside that of the nose; little behind dark glasses.
    #[serde(default)]
    pub eyes_visible: f32,
    /// Contrast of the eyes to the skin around them, 0–1; little where they are shut. Compares pictures of one person.
    #[serde(default)]
    pub eyes_open: f32,
    /// Share of the face that lies outside the picture, 0–1.
    #[serde(default)]
    pub outside: f32,
}

/// Eyes that are open less than this share of their best in a series are shut.
const SHUT: f32 = 0.6;

impl Quality {
    /// Measures a face in `image` and in its aligned crop.
    pub fn measure(image: &Image, face: &Face, crop: &Crop) -> Self {
        let luma = crop.luma();
        let light = light::Light::measure(&luma);
        let (yaw, pitch, roll) = pose::pose(&face.landmarks);
        Self {
            eye_distance: face.landmarks.eye_distance(),
            sharpness: light.sharpness,
            brightness: light.brightness,
            contrast: light.contrast,
            unevenness: light.unevenness,
            yaw,
            roll,
            pitch,
            under_exposed: light.under_exposed,
            over_exposed: light.over_exposed,
            backlight: light::backlight(image, &face.bounding_box, light.brightness),
            eyes_visible: eyes::visible(&luma),
            eyes_open: eyes::open(&luma),
            outside: frame::outside(image, &face.bounding_box, &face.landmarks),
        }
    }

    /// How to do better, where that would help.
    pub fn hint(&self) -> Option<Hint> {
        GOOD.crossed(self)
    }

    /// What makes this face unusable, if anything.
    pub fn refusal(&self) -> Option<Hint> {
        USABLE.crossed(self)
    }

    /// What would make a reference weak that is made of this face, if anything.
    pub fn weakness(&self) -> Option<Hint> {
        REFERENCE.crossed(self)
    }

    /// Whether the eyes are shut, as far as the other pictures of the same person tell.
    pub fn eyes_are_shut_beside<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> bool {
        let best = others.into_iter().map(|q| q.eyes_open).fold(0.0, f32::max);
        self.eyes_open < SHUT * best
    }

    /// A single number by which to choose among frames; larger is better.
    pub(crate) fn rank(&self) -> f32 {
        let size = (self.eye_distance / 64.0).min(1.0);
        let sharp = (self.sharpness / 0.15).min(1.0);
        let frontal = 1.0 - (self.yaw.abs() / 90.0).min(1.0);
        size * sharp * frontal
    }
}

#[cfg(test)]
mod tests;
