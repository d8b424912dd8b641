//! Brings a face upright to the size the recogniser expects.
use zeroize::Zeroizing;

use crate::detect::{Landmarks, Point};
use crate::image::Image;

/// Side of an aligned crop, in pixels.
pub const SIDE: usize = 112;

/// Where the landmarks lie in an aligned crop (the template of `ArcFace`, Deng et al. 2019, that `SFace` shares).
const TEMPLATE: [Point; 5] = [
    Point { x: 38.2946, y: 51.6963 },
    Point { x: 73.5318, y: 51.5014 },
    Point { x: 56.0252, y: 71.7366 },
    Point { x: 41.5493, y: 92.3655 },
    Point { x: 70.7299, y: 92.2041 },
];

/// What stays in its place when a face is shown smaller: between eyes and mouth.
const MIDDLE: Point = Point { x: 56.0, y: 64.0 };

/// An aligned face, [`SIDE`] pixels a side, wiped on drop.
#[derive(Clone)]
pub struct Crop {
    rgb: Zeroizing<Vec<u8>>,
}

/// Rotation, uniform scale and shift: `(x, y) ↦ (a·x − b·y + dx, b·x + a·y + dy)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Scale times cosine of the rotation.
    pub a: f32,
    /// Scale times sine of the rotation.
    pub b: f32,
    /// Shift to the right.
    pub dx: f32,
    /// Shift down.
    pub dy: f32,
}

impl Similarity {
    /// The similarity that takes `from` to `to` with the least sum of squared distances (Umeyama 1991; in the plane
    /// without reflection the solution is a quotient of complex numbers).
    pub fn between(from: &[Point; 5], to: &[Point; 5]) -> Self {
        let (from_centre, to_centre) = (centre(from), centre(to));
        let (mut real, mut imaginary, mut spread) = (0.0, 0.0, 0.0);
        for (f, t) in from.iter().zip(to) {
            let (fx, fy) = (f.x - from_centre.x, f.y - from_centre.y);
            let (tx, ty) = (t.x - to_centre.x, t.y - to_centre.y);
            real += fx * tx + fy * ty;
            imaginary += fx * ty - fy * tx;
            spread += fx * fx + fy * fy;
        }
        let spread = spread.max(f32::MIN_POSITIVE);
        let (a, b) = (real / spread, imaginary / spread);
        let dx = to_centre.x - (a * from_centre.x - b * from_centre.y);
        let dy = to_centre.y - (b * from_centre.x + a * from_centre.y);
        Self { a, b, dx, dy }
    }

    /// Where `point` goes.
    pub fn apply(&self, point: Point) -> Point {
        Point {
            x: self.a * point.x - self.b * point.y + self.dx,
            y: self.b * point.x + self.a * point.y + self.dy,
        }
    }

    /// Pixels after for each pixel before.
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }
}

impl Crop {
    /// Packed RGB pixels, row by row from the top.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The mirror image.
    #[must_use]
    pub fn flipped(&self) -> Self {
        let mut rgb = self.rgb.clone();
        for row in rgb.chunks_exact_mut(SIDE * 3) {
            row.as_chunks_mut::<3>().0.reverse();
        }
        Self { rgb }
    }

    /// Brightness of each pixel, 0–255 (ITU-R BT.601).
    pub(crate) fn luma(&self) -> Zeroizing<Vec<f32>> {
        let luma = |p: &[u8; 3]| {
            0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2])
        };
        Zeroizing::new(self.rgb.as_chunks::<3>().0.iter().map(luma).collect())
    }
}

impl std::fmt::Debug for Crop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Crop([redacted])")
    }
}

/// Cuts the face with these landmarks out of `image`, upright; what lies outside the picture is black.
pub fn align(image: &Image, landmarks: &Landmarks) -> Crop {
    cut(image, &Similarity::between(&TEMPLATE, &landmarks.points()))
}

/// As [`align`], with the face smaller by `scale` around its middle, so that more of its surroundings is seen.
pub(crate) fn align_wider(image: &Image, landmarks: &Landmarks, scale: f32) -> Crop {
    let smaller = TEMPLATE.map(|p| Point {
        x: MIDDLE.x + (p.x - MIDDLE.x) * scale,
        y: MIDDLE.y + (p.y - MIDDLE.y) * scale,
    });
    cut(image, &Similarity::between(&smaller, &landmarks.points()))
}

/// The crop whose pixels lie in the picture where `inverse` says.
fn cut(image: &Image, inverse: &Similarity) -> Crop {
    // A pixel of the crop covers several of a large face: average them. Each sample is itself a mean over two.
    let scale = inverse.scale();
    let samples = if scale <= 2.0 { scale.ceil() } else { (scale / 2.0).ceil() + 1.0 };
    let samples = (samples as usize).clamp(1, 6);
    let share = 1.0 / samples as f32;
    let mut rgb = Zeroizing::new(vec![0u8; SIDE * SIDE * 3]);
    for (index, pixel) in rgb.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = ((index % SIDE) as f32, (index / SIDE) as f32);
        let mut sum = [0f32; 3];
        for sample in 0..samples * samples {
            let within = |i: usize| (i as f32 + 0.5) * share - 0.5;
            let point = Point { x: x + within(sample % samples), y: y + within(sample / samples) };
            let colour = interpolated(image, inverse.apply(point));
            sum.iter_mut().zip(colour).for_each(|(s, c)| *s += c);
        }
        *pixel = sum.map(|s| (s * share * share + 0.5) as u8);
    }
    Crop { rgb }
}

/// The colour at a point between pixels, by bilinear interpolation; black outside the picture.
pub(crate) fn interpolated(image: &Image, point: Point) -> [f32; 3] {
    let (left, top) = (point.x.floor(), point.y.floor());
    let (right_share, low_share) = (point.x - left, point.y - top);
    let (width, height) = (i64::from(image.width()), i64::from(image.height()));
    let mut sum = [0f32; 3];
    for (dx, dy, weight) in [
        (0, 0, (1.0 - right_share) * (1.0 - low_share)),
        (1, 0, right_share * (1.0 - low_share)),
        (0, 1, (1.0 - right_share) * low_share),
        (1, 1, right_share * low_share),
    ] {
        let (x, y) = (left as i64 + dx, top as i64 + dy);
        if (0..width).contains(&x) && (0..height).contains(&y) {
            let start = (y * width + x) as usize * 3;
            let pixel = &image.rgb()[start..start + 3];
            sum.iter_mut().zip(pixel).for_each(|(s, c)| *s += weight * f32::from(*c));
        }
    }
    sum
}

fn centre(points: &[Point; 5]) -> Point {
    let sum = points.iter().fold((0.0, 0.0), |s, p| (s.0 + p.x, s.1 + p.y));
    Point { x: sum.0 / 5.0, y: sum.1 / 5.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landmarks(map: impl Fn(Point) -> Point) -> Landmarks {
        let [right_eye, left_eye, nose, mouth_right, mouth_left] = TEMPLATE.map(map);
        Landmarks { right_eye, left_eye, nose, mouth_right, mouth_left }
    }

    #[test]
    fn a_known_similarity_is_found_again() {
        // Rotated by 90°, twice as large, shifted: a = 0, b = 2.
        let known = Similarity { a: 0.0, b: 2.0, dx: 7.0, dy: -3.0 };
        let found = Similarity::between(&TEMPLATE, &TEMPLATE.map(|p| known.apply(p)));
        for (f, k) in [(found.a, 0.0), (found.b, 2.0), (found.dx, 7.0), (found.dy, -3.0)] {
            assert!((f - k).abs() < 1e-3, "{found:?}");
        }
    }

    #[test]
    fn the_least_squares_solution_is_the_one_computed_by_hand() {
        // A square and its centre, with one corner pulled 1 to the right: centroid moves by 0.2, and with the
        // centred square (±1, ±1) Σ|z|² = 8, Re Σ z̄w = 8 + 1·1, Im = −(1·1) at the corner (1, 1).
        let at = |x: f32, y: f32| Point { x, y };
        let from = [at(-1.0, -1.0), at(1.0, -1.0), at(0.0, 0.0), at(-1.0, 1.0), at(1.0, 1.0)];
        let mut to = from;
        to[4].x += 1.0;
        let found = Similarity::between(&from, &to);
        for (f, k) in
            [(found.a, 9.0 / 8.0), (found.b, -1.0 / 8.0), (found.dx, 0.2), (found.dy, 0.0)]
        {
            assert!((f - k).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn a_face_that_is_already_aligned_stays_as_it_is() {
        let rgb: Vec<u8> = (0..SIDE * SIDE * 3).map(|i| (i * 7 % 253) as u8).collect();
        let image = Image::from_rgb(SIDE as u32, SIDE as u32, rgb.clone()).unwrap();
        let crop = align(&image, &landmarks(|p| p));
        let off = crop.rgb().iter().zip(&rgb).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off <= Some(1), "{off:?}");
    }

    #[test]
    fn a_shifted_face_is_shifted_back_and_the_outside_is_black() {
        let image = Image::from_rgb(SIDE as u32, SIDE as u32, vec![200; SIDE * SIDE * 3]).unwrap();
        let crop = align(&image, &landmarks(|p| Point { x: p.x + 50.0, y: p.y }));
        let pixel = |x: usize| crop.rgb()[(60 * SIDE + x) * 3];
        assert_eq!((pixel(0), pixel(60), pixel(70), pixel(111)), (200, 200, 0, 0));
    }

    #[test]
    fn alignment_is_deterministic() {
        let rgb: Vec<u8> = (0..300 * 200 * 3).map(|i| (i * 31 % 251) as u8).collect();
        let image = Image::from_rgb(300, 200, rgb).unwrap();
        let place = landmarks(|p| Point { x: 1.7 * p.x + 20.3, y: 1.7 * p.y + 4.1 });
        assert_eq!(align(&image, &place).rgb(), align(&image, &place).rgb());
    }

    #[test]
    fn flipping_twice_changes_nothing() {
        let rgb: Vec<u8> = (0..SIDE * SIDE * 3).map(|i| (i % 256) as u8).collect();
        let crop = Crop { rgb: Zeroizing::new(rgb) };
        assert_ne!(crop.flipped().rgb(), crop.rgb());
        assert_eq!(crop.flipped().flipped().rgb(), crop.rgb());
    }
}
