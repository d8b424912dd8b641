//! How far each measure may go, at three severities. `docs/faces/quality.md` has how often each bound is crossed.
use super::{Hint, Quality};

/// Bounds of one severity.
pub(super) struct Bounds {
    /// Least, in pixels.
    eye_distance: f32,
    /// Most of the face that may be outside the picture, 0–1.
    outside: f32,
    /// Least mean brightness, 0–255.
    dark: f32,
    /// Below this mean brightness a bright background is to blame, 0–255.
    dim: f32,
    /// How much brighter the background then is, −1 to 1.
    backlight: f32,
    /// Largest mean brightness, 0–255.
    bright: f32,
    /// Least standard deviation of brightness, 0–128.
    contrast: f32,
    /// Largest share of under- or overexposed pixels, 0–1.
    exposure: f32,
    /// Degrees either way.
    yaw: f32,
    /// Degrees either way.
    pitch: f32,
    /// Degrees either way.
    roll: f32,
    /// Least brightness of the eyes beside the nose.
    eyes_visible: f32,
    /// Least contrast of the eyes to the skin around them, 0–1.
    eyes_open: f32,
    /// Least.
    sharpness: f32,
    /// Largest difference between the halves, 0–1.
    unevenness: f32,
}

/// Outside these a comparison would be a guess.
pub(super) const USABLE: Bounds = Bounds {
    eye_distance: 16.0,
    outside: 0.5,
    dark: 20.0,
    dim: 20.0,
    backlight: 0.3,
    bright: 245.0,
    contrast: 6.0,
    exposure: 1.0,
    yaw: 50.0,
    pitch: 90.0,
    roll: 50.0,
    eyes_visible: 0.0,
    eyes_open: 0.0,
    sharpness: 0.02,
    unevenness: 0.7,
};

/// Outside these a reference would fail its owner on many days, or help somebody else.
pub(super) const REFERENCE: Bounds = Bounds {
    // As many as the recogniser's own pictures have: below, pixels are made up.
    eye_distance: 35.0,
    outside: 0.05,
    dark: 40.0,
    dim: 70.0,
    backlight: 0.4,
    bright: 230.0,
    contrast: 12.0,
    exposure: 0.6,
    yaw: 30.0,
    pitch: 32.0,
    roll: 25.0,
    eyes_visible: 0.30,
    eyes_open: 0.15,
    sharpness: 0.03,
    unevenness: 0.5,
};

/// Outside these the person is told how to do better.
pub(super) const GOOD: Bounds = Bounds {
    eye_distance: 48.0,
    outside: 0.02,
    dark: 45.0,
    dim: 80.0,
    backlight: 0.35,
    bright: 225.0,
    contrast: 14.0,
    exposure: 0.5,
    yaw: 28.0,
    pitch: 28.0,
    roll: 20.0,
    eyes_visible: 0.30,
    eyes_open: 0.2,
    sharpness: 0.045,
    unevenness: 0.45,
};

impl Bounds {
    /// The most important bound that `quality` crosses. A measure that is no number crosses its bound.
    pub(super) fn crossed(&self, quality: &Quality) -> Option<Hint> {
        Hint::ALL.into_iter().find(|hint| !self.kept(*hint, quality))
    }

    fn kept(&self, hint: Hint, q: &Quality) -> bool {
        match hint {
            Hint::MoveCloser => q.eye_distance >= self.eye_distance,
            Hint::MoveBack => q.outside <= self.outside,
            Hint::LightBehind => q.brightness >= self.dim || q.backlight <= self.backlight,
            Hint::MoreLight => {
                q.brightness >= self.dark
                    && (q.contrast >= self.contrast || q.brightness > self.bright)
                    && q.under_exposed <= self.exposure
            }
            Hint::LessLight => q.brightness <= self.bright && q.over_exposed <= self.exposure,
            Hint::FaceCamera => q.yaw.abs() <= self.yaw,
            Hint::ChinLevel => q.pitch.abs() <= self.pitch,
            Hint::HeadUpright => q.roll.abs() <= self.roll,
            Hint::UncoverEyes => q.eyes_visible >= self.eyes_visible,
            Hint::OpenEyes => q.eyes_open >= self.eyes_open,
            Hint::HoldStill => q.sharpness >= self.sharpness,
            Hint::EvenLight => q.unevenness <= self.unevenness,
        }
    }
}

/// Least distance between the eyes with which a face is compared, in pixels.
pub(crate) const LEAST_EYE_DISTANCE: f32 = USABLE.eye_distance;
