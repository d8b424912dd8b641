//! Draws face masks on photographs, from the five landmarks alone: for references that expect a mask, for evaluation and
//! for demonstrations. The shapes are our own; the same seed draws the same mask.
use std::fmt;
use std::str::FromStr;

use crate::detect::{Landmarks, Point};
use crate::image::Image;

/// The kind of mask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MaskStyle {
    /// Pleated, pale blue, green or white.
    Surgical,
    /// Woven, of any colour.
    Cloth,
    /// White with a ridge down the middle (FFP2, N95).
    Respirator,
    /// Black or navy.
    Dark,
}

/// The text names no [`MaskStyle`].
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a mask style: use surgical, cloth, respirator or dark")]
pub struct UnknownMaskStyle;

impl MaskStyle {
    /// Every style.
    pub const ALL: [Self; 4] = [Self::Surgical, Self::Cloth, Self::Respirator, Self::Dark];

    fn name(self) -> &'static str {
        match self {
            Self::Surgical => "surgical",
            Self::Cloth => "cloth",
            Self::Respirator => "respirator",
            Self::Dark => "dark",
        }
    }

    fn colour(self, noise: &mut Noise) -> [f32; 3] {
        let pick = |of: &[[f32; 3]], noise: &mut Noise| {
            of[(noise.share() * of.len() as f32) as usize % of.len()]
        };
        match self {
            Self::Surgical => {
                pick(&[[156.0, 198.0, 222.0], [148.0, 208.0, 196.0], [226.0, 230.0, 232.0]], noise)
            }
            Self::Cloth => [0; 3].map(|_| 20.0 + 215.0 * noise.share()),
            Self::Respirator => [236.0, 236.0, 230.0],
            Self::Dark => pick(&[[34.0, 34.0, 36.0], [34.0, 42.0, 68.0]], noise),
        }
    }
}

impl fmt::Display for MaskStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for MaskStyle {
    type Err = UnknownMaskStyle;

    fn from_str(text: &str) -> Result<Self, UnknownMaskStyle> {
        Self::ALL.into_iter().find(|style| style.name() == text).ok_or(UnknownMaskStyle)
    }
}

/// Draws a mask on the face with these landmarks.
pub fn draw_mask(image: &Image, landmarks: &Landmarks, style: MaskStyle, seed: u64) -> Image {
    let mask = Mask::new(image, landmarks, style, seed);
    let Some((across, down)) = mask.extent(image) else { return image.clone() };
    let width = image.width() as usize;
    image.altered(|rgb| {
        for y in down {
            for x in across.clone() {
                let point = Point { x: x as f32, y: y as f32 };
                let place = mask.frame.place(point);
                let (colour, cover) = mask.paint(place, (x, y));
                let start = (y * width + x) * 3;
                for (value, colour) in rgb[start..start + 3].iter_mut().zip(colour) {
                    let mixed = f32::from(*value) * (1.0 - cover) + colour * cover;
                    *value = (mixed + 0.5).clamp(0.0, 255.0) as u8;
                }
            }
        }
    })
}

/// A place on the face: `a` across, in distances between the eyes of a frontal face; `b` down, 0 at the eyes, 1 at the
/// mouth.
#[derive(Clone, Copy)]
struct Place {
    a: f32,
    b: f32,
}

/// Coordinates that move with the face.
struct Frame {
    origin: Point,
    across: Point,
    down: Point,
    /// How far the nose leaves the middle: positive when the head is turned to the picture's right.
    turn: f32,
}

impl Frame {
    fn new(landmarks: &Landmarks) -> Self {
        let eyes = landmarks.right_eye.midpoint(landmarks.left_eye);
        let mouth = landmarks.mouth_right.midpoint(landmarks.mouth_left);
        let down = Point { x: mouth.x - eyes.x, y: mouth.y - eyes.y };
        let length = down.x.hypot(down.y).max(1.0);
        // The eyes come closer when the head turns, the mouth when it nods: take the larger scale.
        let scale = landmarks.eye_distance().max(length / 1.155);
        let eye_distance = landmarks.eye_distance().max(1.0);
        let unit = Point {
            x: (landmarks.left_eye.x - landmarks.right_eye.x) / eye_distance,
            y: (landmarks.left_eye.y - landmarks.right_eye.y) / eye_distance,
        };
        let across = Point { x: unit.x * scale, y: unit.y * scale };
        let mut frame = Self { origin: eyes, across, down, turn: 0.0 };
        frame.turn = frame.place(landmarks.nose).a.clamp(-0.45, 0.45);
        frame
    }

    /// Where a point of the picture lies on the face.
    fn place(&self, point: Point) -> Place {
        let (x, y) = (point.x - self.origin.x, point.y - self.origin.y);
        let determinant = self.across.x * self.down.y - self.across.y * self.down.x;
        let determinant = if determinant.abs() < 1.0 { 1.0 } else { determinant };
        Place {
            a: (x * self.down.y - y * self.down.x) / determinant,
            b: (y * self.across.x - x * self.across.y) / determinant,
        }
    }

    /// Where a place on the face lies in the picture.
    fn point(&self, place: Place) -> Point {
        Point {
            x: self.origin.x + place.a * self.across.x + place.b * self.down.x,
            y: self.origin.y + place.a * self.across.y + place.b * self.down.y,
        }
    }
}

/// One mask on one face.
struct Mask {
    frame: Frame,
    style: MaskStyle,
    colour: [f32; 3],
    seed: u64,
    /// Top at the nose and at the cheeks, bottom under the chin, in the frame's `b`.
    bridge: f32,
    cheek: f32,
    chin: f32,
    /// Half the width at the cheeks, in the frame's `a`.
    half_width: f32,
    /// Brightness of the light on the face, and how much more of it falls on the right of the picture.
    light: f32,
    slope: f32,
    /// The size of a pixel in the frame, for smooth edges.
    pixel: f32,
}

impl Mask {
    fn new(image: &Image, landmarks: &Landmarks, style: MaskStyle, seed: u64) -> Self {
        let frame = Frame::new(landmarks);
        let mut noise = Noise(seed);
        let colour = style.colour(&mut noise);
        let mut around = |middle: f32, spread: f32| middle + spread * (2.0 * noise.share() - 1.0);
        let (bridge, cheek) = (around(0.26, 0.08), around(0.44, 0.06));
        let (chin, half_width) = (around(1.74, 0.08), around(0.90, 0.05));
        let pixel = 1.0 / frame.across.x.hypot(frame.across.y).max(1.0);
        let (left, right) = (brightness(image, &frame, -0.5), brightness(image, &frame, 0.5));
        let light = (f32::midpoint(left, right) / 165.0).clamp(0.35, 1.15);
        let slope = ((right - left) / (left + right).max(1.0)).clamp(-0.5, 0.5);
        Self { frame, style, colour, seed, bridge, cheek, chin, half_width, light, slope, pixel }
    }

    /// The pixels that the mask and its loops can touch; none where the face is outside the picture.
    fn extent(&self, image: &Image) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
        let corners = [(-1.6, -0.3), (1.6, -0.3), (-1.6, 2.0), (1.6, 2.0)];
        let points = corners.map(|(a, b)| self.frame.point(Place { a, b }));
        let range = |values: [f32; 4], end: u32| {
            let low = values.iter().copied().fold(f32::MAX, f32::min).clamp(0.0, end as f32);
            let high = values.iter().copied().fold(f32::MIN, f32::max).clamp(0.0, end as f32);
            low as usize..high as usize
        };
        let (across, down) =
            (range(points.map(|p| p.x), image.width()), range(points.map(|p| p.y), image.height()));
        (!across.is_empty() && !down.is_empty()).then_some((across, down))
    }

    /// The colour at a place, and how much of what is there it covers, 0–1.
    fn paint(&self, place: Place, pixel: (usize, usize)) -> ([f32; 3], f32) {
        let inside = self.inside(place);
        let cover = (inside / self.pixel + 0.5).clamp(0.0, 1.0);
        if cover > 0.0 {
            let shade = self.shade(place) * self.light;
            let grain = 6.0 * (Noise::at(self.seed, pixel) - 0.5);
            return (self.colour.map(|c| c * shade + grain), cover);
        }
        let loops = self.loops(place);
        if loops > 0.0 {
            return ([225.0 * self.light; 3], 0.85 * loops);
        }
        // The mask's own shadow on the skin below it.
        let shadow = (1.0 + inside / 0.06).clamp(0.0, 1.0) * f32::from(u8::from(place.b > 1.0));
        ([20.0; 3], 0.35 * shadow)
    }

    /// Distance to the edge, positive inside, in the frame's units.
    fn inside(&self, place: Place) -> f32 {
        let across = self.across(place);
        let dip = (1.0 - across.abs()).max(0.0).powf(1.6);
        let top = self.cheek + (self.bridge - self.cheek) * dip;
        // Sides run straight down to the mouth's height and close under the chin like a superellipse.
        let fall = ((place.b - 0.65) / (self.chin - 0.65)).clamp(0.0, 1.0);
        let half = (1.0 - fall.powf(2.4)).max(0.0).sqrt();
        let sideways = (half - across.abs()) * self.half_width;
        (place.b - top).min(self.chin - place.b).min(sideways)
    }

    /// Across the mask, −1 at its left edge, 0 on the ridge of the nose, 1 at its right edge: a turned head shows less
    /// of one side.
    fn across(&self, place: Place) -> f32 {
        let turn = self.frame.turn;
        let ridge = turn * (1.0 - 0.4 * place.b.clamp(0.0, 1.5));
        let offset = place.a - ridge;
        let side = if offset > 0.0 { 1.0 - 1.1 * turn } else { 1.0 + 1.1 * turn };
        offset / (self.half_width * side.clamp(0.35, 1.5))
    }

    /// Light on the fabric: falls off to the sides, follows the light in the photograph, and shows folds.
    fn shade(&self, place: Place) -> f32 {
        let across = self.across(place);
        let round = 1.06 - 0.32 * across * across + 0.8 * self.slope * across;
        let below = 1.0 - 0.14 * ((place.b - 1.0) / 0.7).clamp(0.0, 1.0);
        let fold = match self.style {
            MaskStyle::Surgical => {
                [0.62, 0.86, 1.12].map(|at| pleat(place.b - at)).iter().sum::<f32>()
            }
            MaskStyle::Respirator => {
                0.10 * (1.0 - (across / 0.08).abs()).max(0.0) - 0.06 * across.signum() * self.slope
            }
            MaskStyle::Cloth => {
                let thread =
                    ((place.a + place.b) * 60.0).sin() * ((place.a - place.b) * 60.0).sin();
                0.03 * thread - 0.12 * (1.0 - (across / 0.03).abs()).max(0.0)
            }
            MaskStyle::Dark => 0.08 * (1.0 - (across / 0.15).abs()).max(0.0),
        };
        let hem = if self.inside(place) < 0.04 { -0.07 } else { 0.0 };
        (round * below + fold + hem).max(0.05)
    }

    /// How much a place is covered by the loops to the ears, 0–1.
    fn loops(&self, place: Place) -> f32 {
        let thickness = 0.016f32.max(0.7 * self.pixel);
        let mut cover: f32 = 0.0;
        for side in [-1.0f32, 1.0] {
            let visible = 1.0 - 1.1 * self.frame.turn * side;
            if visible < 0.6 {
                continue;
            }
            let edge = side * self.half_width * visible + self.frame.turn * 0.7;
            let ear = edge + side * 0.30;
            for (from, to) in [((edge, 0.55), (ear, 0.12)), ((edge * 0.93, 1.15), (ear, 0.38))] {
                let distance = to_segment(place, from, to);
                cover = cover.max(((thickness - distance) / self.pixel + 0.5).clamp(0.0, 1.0));
            }
        }
        cover
    }
}

/// A fold: dark under a light edge.
fn pleat(offset: f32) -> f32 {
    let bump = |centre: f32, width: f32| (-((offset - centre) / width).powi(2)).exp();
    0.07 * bump(-0.03, 0.025) - 0.16 * bump(0.01, 0.02)
}

fn to_segment(place: Place, from: (f32, f32), to: (f32, f32)) -> f32 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (px, py) = (place.a - from.0, place.b - from.1);
    let along = ((px * dx + py * dy) / (dx * dx + dy * dy).max(1e-6)).clamp(0.0, 1.0);
    (px - along * dx).hypot(py - along * dy)
}

/// Mean brightness of the cheek at `side`, just under the eye, 0–255.
fn brightness(image: &Image, frame: &Frame, side: f32) -> f32 {
    let mut sum = 0.0;
    for index in 0u8..25 {
        let (column, row) = (f32::from(index % 5) - 2.0, f32::from(index / 5) - 2.0);
        let place = Place { a: side + 0.05 * column, b: 0.35 + 0.05 * row };
        let colour = crate::align::interpolated(image, frame.point(place));
        sum += 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
    }
    sum / 25.0
}

/// Repeatable noise (`SplitMix64`, Steele et al. 2014); for pictures, not for keys.
struct Noise(u64);

impl Noise {
    /// The next number, 0–1.
    fn share(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    }

    /// The number that belongs to a pixel, 0–1.
    fn at(seed: u64, (x, y): (usize, usize)) -> f32 {
        Self(seed ^ ((x as u64) << 32) ^ ((y as u64) << 8)).share()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landmarks(turn: f32) -> Landmarks {
        let at = |x, y| Point { x, y };
        Landmarks {
            right_eye: at(80.0, 100.0),
            left_eye: at(120.0, 100.0),
            nose: at(100.0 + turn, 123.0),
            mouth_right: at(84.0, 146.0),
            mouth_left: at(116.0, 146.0),
        }
    }

    fn skin() -> Image {
        let rgb = [200u8, 150, 120].repeat(200 * 220);
        Image::from_rgb(200, 220, rgb).unwrap()
    }

    fn pixel(image: &Image, x: usize, y: usize) -> [u8; 3] {
        image.rgb()[(y * 200 + x) * 3..][..3].try_into().unwrap()
    }

    #[test]
    fn a_mask_covers_nose_mouth_and_chin_and_leaves_the_eyes() {
        for style in MaskStyle::ALL {
            let masked = draw_mask(&skin(), &landmarks(0.0), style, 7);
            for (x, y) in [(100, 125), (84, 146), (116, 146), (100, 165)] {
                assert_ne!(pixel(&masked, x, y), pixel(&skin(), x, y), "{style} {x} {y}");
            }
            for (x, y) in [(80, 100), (120, 100), (100, 80), (10, 10), (100, 215)] {
                assert_eq!(pixel(&masked, x, y), pixel(&skin(), x, y), "{style} {x} {y}");
            }
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_mask_and_another_another() {
        let draw = |seed| draw_mask(&skin(), &landmarks(5.0), MaskStyle::Cloth, seed);
        assert_eq!(draw(1).rgb(), draw(1).rgb());
        assert_ne!(draw(1).rgb(), draw(2).rgb());
    }

    #[test]
    fn faces_partly_or_wholly_outside_the_picture_are_no_trouble() {
        for (dx, dy) in [(-150.0, 0.0), (500.0, 0.0), (0.0, -400.0), (0.0, 150.0), (1e6, 1e6)] {
            let moved = landmarks(0.0).points().map(|p| Point { x: p.x + dx, y: p.y + dy });
            let [right_eye, left_eye, nose, mouth_right, mouth_left] = moved;
            let place = Landmarks { right_eye, left_eye, nose, mouth_right, mouth_left };
            let masked = draw_mask(&skin(), &place, MaskStyle::Surgical, 1);
            assert_eq!(masked.rgb().len(), skin().rgb().len());
        }
    }

    #[test]
    fn degenerate_landmarks_are_no_trouble() {
        let at = Point { x: 50.0, y: 50.0 };
        let place =
            Landmarks { right_eye: at, left_eye: at, nose: at, mouth_right: at, mouth_left: at };
        let masked = draw_mask(&skin(), &place, MaskStyle::Dark, 1);
        assert_eq!(masked.width(), 200);
    }

    #[test]
    fn styles_are_named() {
        for style in MaskStyle::ALL {
            assert_eq!(style.to_string().parse(), Ok(style));
        }
        assert_eq!("balaclava".parse::<MaskStyle>(), Err(UnknownMaskStyle));
    }
}
