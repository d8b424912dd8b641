//! The person of a photograph.
use imp_biometrics::{Image, Landmarks, MaskStyle, Point, draw_mask};

use crate::light::{Light, Picture};

/// Pixels between the eyes that are kept: more than any camera of the model resolves.
const MOST_DETAIL: f32 = 130.0;
/// A desk's camera sees this many eye distances from top to bottom, where the photograph shows as much.
const FRAME_HEIGHT: f32 = 7.0;

/// A photograph of a person with the place of the face.
#[derive(Clone)]
pub struct Subject {
    image: Image,
    landmarks: Landmarks,
    picture: Picture,
    /// Pixels of the photograph for one of the picture.
    shrunk: f32,
}

impl Subject {
    /// The person whose face in `image` has these landmarks.
    pub fn new(image: &Image, landmarks: &Landmarks) -> Self {
        let mut picture = Picture::new(image);
        let mut shrunk = 1.0;
        while landmarks.eye_distance() / shrunk > MOST_DETAIL {
            picture = picture.halved();
            shrunk *= 2.0;
        }
        Self { image: image.clone(), landmarks: *landmarks, picture, shrunk }
    }

    /// The same person with a mask drawn on.
    #[must_use]
    pub fn masked(&self, style: MaskStyle, seed: u64) -> Self {
        Self::new(&draw_mask(&self.image, &self.landmarks, style, seed), &self.landmarks)
    }

    /// The landmarks in [`Face`] coordinates' unit: pixels of the reduced picture.
    fn points(&self) -> [Point; 5] {
        self.landmarks.points().map(|p| Point { x: p.x / self.shrunk, y: p.y / self.shrunk })
    }

    pub(crate) fn face(&self) -> Face {
        Face::new(self.points())
    }

    pub(crate) fn light(&self, point: Point) -> Light {
        self.picture.at(point)
    }

    /// Size of the picture, in its pixels.
    pub(crate) fn size(&self) -> (f32, f32) {
        self.picture.size()
    }

    /// Centre and width of the part of the photograph that a camera of 4:3 would see if the person stood before it: the
    /// face near the middle, nothing from beyond the photograph.
    pub(crate) fn window(&self) -> (Point, f32) {
        let (width, height) = self.size();
        let face = self.face();
        let tall = (FRAME_HEIGHT * face.unit).min(height).min(width * 0.75);
        let wide = tall / 0.75;
        let x = face.centre.x.clamp(wide / 2.0, width - wide / 2.0);
        let y = face.centre.y.clamp(tall / 2.0, height - tall / 2.0);
        (Point { x, y }, wide)
    }
}

/// Where a face is, in pixels of its picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Face {
    pub(crate) right_eye: Point,
    pub(crate) left_eye: Point,
    /// Between eyes and mouth.
    pub(crate) centre: Point,
    /// Between the eyes.
    eyes: Point,
    /// Distance between the eyes as if seen from the front, in pixels.
    pub(crate) unit: f32,
    across: Point,
    down: Point,
}

impl Face {
    fn new([right_eye, left_eye, _, mouth_right, mouth_left]: [Point; 5]) -> Self {
        let eyes = right_eye.midpoint(left_eye);
        let mouth = mouth_right.midpoint(mouth_left);
        // A turned head shows its eyes closer together; the distance to the mouth does not change.
        let length = eyes.distance(mouth).max(1.0);
        let unit = right_eye.distance(left_eye).max(length / 1.2).max(1.0);
        let span = right_eye.distance(left_eye).max(1.0);
        let across = Point {
            x: (left_eye.x - right_eye.x) / span * unit,
            y: (left_eye.y - right_eye.y) / span * unit,
        };
        let down = Point { x: mouth.x - eyes.x, y: mouth.y - eyes.y };
        Self { right_eye, left_eye, centre: eyes.midpoint(mouth), eyes, unit, across, down }
    }

    /// Where a point lies on the face: across in eye distances from the middle, down 0 at the eyes and 1 at the mouth.
    pub(crate) fn place(&self, point: Point) -> (f32, f32) {
        let (x, y) = (point.x - self.eyes.x, point.y - self.eyes.y);
        let area = self.across.x * self.down.y - self.across.y * self.down.x;
        let area = if area.abs() < 1.0 { 1.0 } else { area };
        ((x * self.down.y - y * self.down.x) / area, (y * self.across.x - x * self.across.y) / area)
    }

    /// The inverse of [`Face::place`].
    pub(crate) fn point(&self, (a, b): (f32, f32)) -> Point {
        Point {
            x: self.eyes.x + a * self.across.x + b * self.down.x,
            y: self.eyes.y + a * self.across.y + b * self.down.y,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A drawn face on a coloured ground, eyes 50 pixels apart.
    pub(crate) fn drawn(seed: u8) -> Subject {
        let mut rgb = vec![0u8; 250 * 250 * 3];
        for (index, pixel) in rgb.chunks_exact_mut(3).enumerate() {
            let (x, y) = ((index % 250) as f32 - 125.0, (index / 250) as f32 - 125.0);
            let inside = (x / 50.0).powi(2) + (y / 70.0).powi(2) < 1.0;
            let eye = [-25.0, 25.0].iter().any(|e| (x - e).hypot(y + 20.0) < 6.0);
            let colour = match (eye, inside) {
                (true, _) => [30, 25, 20],
                (false, true) => [205, 160, 140],
                (false, false) => [60, 90 + seed % 50, (index % 250 / 2) as u8 + 60],
            };
            pixel.copy_from_slice(&colour);
        }
        let at = |x: f32, y: f32| Point { x, y };
        let landmarks = Landmarks {
            right_eye: at(100.0, 105.0),
            left_eye: at(150.0, 105.0),
            nose: at(125.0, 135.0),
            mouth_right: at(107.0, 160.0),
            mouth_left: at(143.0, 160.0),
        };
        Subject::new(&Image::from_rgb(250, 250, rgb).unwrap(), &landmarks)
    }

    #[test]
    fn places_on_the_face_are_found_again() {
        let face = drawn(0).face();
        let point = Point { x: 117.0, y: 171.0 };
        let again = face.point(face.place(point));
        assert!(again.distance(point) < 1e-2);
        assert!(face.place(Point { x: 150.0, y: 105.0 }).0 > 0.4);
    }

    #[test]
    fn the_window_stays_inside_the_photograph() {
        let subject = drawn(0);
        let (centre, wide) = subject.window();
        assert!(centre.x - wide / 2.0 >= -1e-3 && centre.x + wide / 2.0 <= 250.001);
        assert!(centre.y - wide * 0.375 >= -1e-3 && centre.y + wide * 0.375 <= 250.001);
    }
}
