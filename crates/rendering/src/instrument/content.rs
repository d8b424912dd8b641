//! What a sheet or screen shows, and how a hand holds it.
use imp_biometrics::Point;

use crate::camera::Frame;
use crate::geometry::{Pose, Sheet};
use crate::light::{Light, Picture};
use crate::motion::Oscillation;
use crate::noise::Noise;
use crate::subject::Subject;

/// Eye distances of the photograph that are kept on each side of the face.
const REACH: f32 = 5.0;

/// A photograph or a recording, placed on a sheet so that the face is at its centre.
pub(crate) struct Content {
    shown: Shown,
    centre: Point,
    /// Pixels of the picture for one frame width at the size of a person.
    scale: f32,
    /// Left, top, right, bottom, in pixels.
    bounds: [f32; 4],
}

enum Shown {
    Photograph(Box<Subject>),
    Recording { frames: Vec<Picture>, rate: f32 },
}

impl Content {
    pub(crate) fn photograph(subject: &Subject) -> Self {
        let (face, (_, wide)) = (subject.face(), subject.window());
        let ((width, height), reach) = (subject.size(), REACH * face.unit);
        let centre = face.centre;
        let bounds = [
            (centre.x - reach).max(0.0),
            (centre.y - reach).max(0.0),
            (centre.x + reach).min(width),
            (centre.y + reach).min(height),
        ];
        Self { shown: Shown::Photograph(Box::new(subject.clone())), centre, scale: wide, bounds }
    }

    /// Frames of `subject` by a camera that saw what [`Subject::window`] says.
    pub(crate) fn recording(frames: &[Frame], subject: &Subject, rate: f32) -> Self {
        let (width, height) = frames
            .first()
            .map_or((4.0, 3.0), |f| (f.image.width() as f32, f.image.height() as f32));
        let (middle, wide) = subject.window();
        let face = subject.face().centre;
        let place = |of: f32, middle: f32, half: f32| half + (of - middle) / wide * width;
        let centre = Point {
            x: place(face.x, middle.x, width / 2.0),
            y: place(face.y, middle.y, height / 2.0),
        };
        let frames = frames.iter().map(|frame| Picture::new(&frame.image)).collect();
        Self {
            shown: Shown::Recording { frames, rate },
            centre,
            scale: width,
            bounds: [0.0, 0.0, width, height],
        }
    }

    /// The light at a place of the sheet, in frame widths at the size of a person; `None` beyond the picture.
    pub(crate) fn at(&self, u: f32, v: f32, seconds: f32) -> Option<Light> {
        let point = Point { x: self.centre.x + u * self.scale, y: self.centre.y + v * self.scale };
        let [left, top, right, bottom] = self.bounds;
        if point.x < left || point.y < top || point.x > right || point.y > bottom {
            return None;
        }
        match &self.shown {
            Shown::Photograph(subject) => Some(subject.light(point)),
            Shown::Recording { frames, rate } => {
                let index = ((seconds * rate).round() as usize).min(frames.len().saturating_sub(1));
                frames.get(index).map(|frame| frame.at(point))
            }
        }
    }

    /// Left, top, right and bottom of the picture on the sheet, in frame widths.
    pub(crate) fn edges(&self) -> [f32; 4] {
        let [left, top, right, bottom] = self.bounds;
        let (x, y) = (self.centre.x, self.centre.y);
        [left - x, top - y, right - x, bottom - y].map(|d| d / self.scale)
    }
}

/// A hand that holds a sheet before the camera.
pub(crate) struct Grip {
    /// How much larger than a person the face appears.
    pub(crate) size: f32,
    tilt: [f32; 3],
    place: [f32; 2],
    moves: [Oscillation; 6],
}

impl Grip {
    /// Turned and tilted by up to `tilt` radians.
    pub(crate) fn new(tilt: f32, noise: &mut Noise) -> Self {
        let mut lean = || noise.between(-tilt, tilt);
        let tilt = [lean(), lean(), lean() * 0.5];
        let size = noise.between(0.72, 1.15);
        let place = [noise.between(-0.05, 0.05), noise.between(-0.04, 0.04)];
        let mut hand = |amplitude| Oscillation::hand(amplitude, noise);
        let moves = [hand(0.012), hand(0.012), hand(0.02), hand(0.03), hand(0.03), hand(0.02)];
        Self { size, tilt, place, moves }
    }

    /// The sheet at a moment. Its unit is a frame width at distance one.
    pub(crate) fn sheet(&self, seconds: f32, bend: f32) -> Sheet {
        let [x, y, z, yaw, pitch, roll] = self.moves.each_ref().map(|m| m.at(seconds));
        let pose = Pose {
            centre: [self.place[0] + x, self.place[1] + y, 1.0 + z],
            yaw: self.tilt[0] + yaw,
            pitch: self.tilt[1] + pitch,
            roll: self.tilt[2] + roll,
        };
        Sheet::new(pose, bend)
    }
}
