//! Light and sharpness (ISO/IEC 29794-5: illumination uniformity, luminance moments, under- and over-exposure prevention,
//! sharpness) of the part of a face that a mask leaves free.
use crate::align::SIDE;
use crate::detect::BoundingBox;
use crate::image::Image;

/// Rows of the crop from the brows to below the eyes: what a mask leaves free.
const EYES: std::ops::Range<usize> = 34..68;
/// Columns inside the face.
const FACE: std::ops::Range<usize> = 20..92;
/// A pixel as dark as this shows nothing, one as bright neither (ISO/IEC 29794-5).
const UNDER_EXPOSED: f32 = 25.0;
const OVER_EXPOSED: f32 = 247.0;

/// What the light does to a face.
pub(super) struct Light {
    pub(super) sharpness: f32,
    pub(super) brightness: f32,
    pub(super) contrast: f32,
    pub(super) unevenness: f32,
    pub(super) under_exposed: f32,
    pub(super) over_exposed: f32,
}

impl Light {
    /// Measures the brightness of an aligned crop.
    pub(super) fn measure(luma: &[f32]) -> Self {
        let at = |x: usize, y: usize| luma[y * SIDE + x];
        let pixels = || EYES.flat_map(|y| FACE.map(move |x| (x, y)));
        let count = pixels().count() as f32;
        let share =
            |of: fn(f32) -> bool| pixels().filter(|(x, y)| of(at(*x, *y))).count() as f32 / count;
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
        Self {
            sharpness: edges / (4.0 * contrast.max(1.0)),
            brightness,
            contrast,
            unevenness: (left - right).abs() / (left + right).max(1.0),
            under_exposed: share(|v| v <= UNDER_EXPOSED),
            over_exposed: share(|v| v >= OVER_EXPOSED),
        }
    }
}

/// Points across and down at which the background is looked at.
const LOOKS: usize = 24;
/// How much larger than the face its surroundings are.
const SURROUNDINGS: f32 = 2.0;

/// How much brighter the surroundings of a face are than `brightness`, as a share of the whole range, −1 to 1; 0 where the
/// face fills the picture.
pub(super) fn backlight(image: &Image, face: &BoundingBox, brightness: f32) -> f32 {
    let (mut sum, mut count) = (0.0, 0);
    for look in 0..LOOKS * LOOKS {
        let along = |i: usize| SURROUNDINGS * ((i as f32 + 0.5) / LOOKS as f32 - 0.5);
        let (across, down) = (along(look % LOOKS), along(look / LOOKS));
        // Neither the face nor the shoulders below it.
        if (across.abs() <= 0.5 && down.abs() <= 0.5) || down > 0.5 {
            continue;
        }
        let x = face.left + face.width * (0.5 + across);
        let y = face.top + face.height * (0.5 + down);
        if let Some(luma) = brightness_at(image, x, y) {
            sum += luma;
            count += 1;
        }
    }
    if count < LOOKS { 0.0 } else { (sum / count as f32 - brightness) / 255.0 }
}

fn brightness_at(image: &Image, x: f32, y: f32) -> Option<f32> {
    let inside = x >= 0.0 && y >= 0.0 && x < image.width() as f32 && y < image.height() as f32;
    if !inside {
        return None;
    }
    let start = (y as usize * image.width() as usize + x as usize) * 3;
    let pixel = image.rgb().get(start..start + 3)?;
    let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
    Some(0.299 * red + 0.587 * green + 0.114 * blue)
}
