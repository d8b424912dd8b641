//! Face detection with `YuNet` (Wu, Peng, Yu 2023): anchor-free heads at strides 8, 16 and 32, five landmarks.
use imp_models::ModelStore;
use serde::{Deserialize, Serialize};

use crate::image::Image;
use crate::landmarks::CLOSE_SIDE;
use crate::network::{InferenceError, Network, NetworkError};
use crate::resize;

/// A place in a picture, in pixels from its top left corner.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// An upright rectangle, in pixels.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct BoundingBox {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Pixels across.
    pub width: f32,
    /// Pixels down.
    pub height: f32,
}

/// Five landmarks; right and left are the person's.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Landmarks {
    /// Centre of the right eye.
    pub right_eye: Point,
    /// Centre of the left eye.
    pub left_eye: Point,
    /// Tip of the nose.
    pub nose: Point,
    /// Right corner of the mouth.
    pub mouth_right: Point,
    /// Left corner of the mouth.
    pub mouth_left: Point,
}

/// A detected face.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Face {
    /// Where it is.
    pub bounding_box: BoundingBox,
    /// Where its parts are.
    pub landmarks: Landmarks,
    /// How certain the detector is, 0–1.
    pub score: f32,
}

impl Point {
    /// Distance to `other`, in pixels.
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The middle between this and `other`.
    #[must_use]
    pub fn midpoint(self, other: Self) -> Self {
        Self { x: f32::midpoint(self.x, other.x), y: f32::midpoint(self.y, other.y) }
    }

    fn moved(self, place: &Placement) -> Self {
        Self { x: (self.x - place.left) / place.scale, y: (self.y - place.top) / place.scale }
    }
}

impl BoundingBox {
    /// Square pixels covered.
    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// Intersection over union with `other`, 0–1.
    pub fn overlap(&self, other: &Self) -> f32 {
        let across =
            (self.left + self.width).min(other.left + other.width) - self.left.max(other.left);
        let down = (self.top + self.height).min(other.top + other.height) - self.top.max(other.top);
        let common = across.max(0.0) * down.max(0.0);
        common / (self.area() + other.area() - common).max(f32::MIN_POSITIVE)
    }
}

impl Landmarks {
    /// The points in the detector's order: right eye, left eye, nose, mouth right, mouth left.
    pub fn points(&self) -> [Point; 5] {
        [self.right_eye, self.left_eye, self.nose, self.mouth_right, self.mouth_left]
    }

    /// Distance between the centres of the eyes, in pixels.
    pub fn eye_distance(&self) -> f32 {
        self.right_eye.distance(self.left_eye)
    }

    pub(crate) fn from_points(points: [Point; 5]) -> Self {
        let [right_eye, left_eye, nose, mouth_right, mouth_left] = points;
        Self { right_eye, left_eye, nose, mouth_right, mouth_left }
    }
}

/// Faces overlapping more than this are the same face.
const SAME_FACE: f32 = 0.3;
/// Candidates that are compared with each other, best first.
const CANDIDATES: usize = 1000;
/// Most faces that are reported.
const MOST_FACES: usize = 32;
const STRIDES: [usize; 3] = [8, 16, 32];
/// Side of the square in which faces are looked for first, and of the one for faces that are small in it.
const FAST_SIDE: usize = 320;
const FINE_SIDE: usize = 640;

/// Finds faces.
pub(crate) struct Detector {
    fast: Network,
    fine: Network,
    close: Network,
    least_score: f32,
}

/// Where and how large a picture lies in the network's square.
pub(crate) struct Placement {
    pub(crate) left: f32,
    pub(crate) top: f32,
    pub(crate) scale: f32,
}

impl Detector {
    /// Finds faces of at least `least_score`, 0–1.
    pub(crate) fn load(store: &ModelStore, least_score: f32) -> Result<Self, NetworkError> {
        let set = store.active_set();
        let network = |side| Network::load(store, &set.detector, Some((side, side)));
        Ok(Self {
            fast: network(FAST_SIDE)?,
            fine: network(FINE_SIDE)?,
            close: network(CLOSE_SIDE)?,
            least_score,
        })
    }

    /// One for each size of picture.
    pub(crate) fn networks(&self) -> [&Network; 3] {
        [&self.close, &self.fast, &self.fine]
    }

    /// The network for pictures of [`CLOSE_SIDE`] in which a face is known to be.
    pub(crate) fn close(&self) -> &Network {
        &self.close
    }

    /// Faces, largest first. Looks quickly; where that finds none, for small faces, then for one that fills the picture.
    pub(crate) fn detect(&self, image: &Image) -> Result<Vec<Face>, InferenceError> {
        for (network, share) in [(&self.fast, 1.0), (&self.fine, 1.0), (&self.fast, 0.6)] {
            let faces = self.look(network, image, share)?;
            if !faces.is_empty() {
                return Ok(faces);
            }
        }
        Ok(Vec::new())
    }

    /// Looks with the picture filling `share` of the network's square.
    fn look(
        &self,
        network: &Network,
        image: &Image,
        share: f32,
    ) -> Result<Vec<Face>, InferenceError> {
        let (canvas, place) = letterbox(image, network.size().0, share);
        self.faces_on(network, &canvas, &place, 1.0)
    }

    /// Faces on a canvas of the network's size, where they are in the picture, largest first; `lenience` is the share of
    /// the least score that is enough.
    pub(crate) fn faces_on(
        &self,
        network: &Network,
        canvas: &[u8],
        place: &Placement,
        lenience: f32,
    ) -> Result<Vec<Face>, InferenceError> {
        let outputs = network.run(canvas)?;
        let mut faces = decode(&outputs, network.size().0, self.least_score * lenience);
        faces.sort_by(|a, b| b.score.total_cmp(&a.score));
        faces.truncate(CANDIDATES);
        let mut faces = without_duplicates(faces);
        faces.truncate(MOST_FACES);
        for face in &mut faces {
            let corner = Point { x: face.bounding_box.left, y: face.bounding_box.top }.moved(place);
            face.bounding_box.left = corner.x;
            face.bounding_box.top = corner.y;
            face.bounding_box.width /= place.scale;
            face.bounding_box.height /= place.scale;
            face.landmarks =
                Landmarks::from_points(face.landmarks.points().map(|p| p.moved(place)));
        }
        faces.sort_by(|a, b| b.bounding_box.area().total_cmp(&a.bounding_box.area()));
        Ok(faces)
    }
}

/// The picture on a black square of `side` pixels, enlarged at most twice, with a margin where `share` is less than 1.
fn letterbox(image: &Image, side: usize, share: f32) -> (zeroize::Zeroizing<Vec<u8>>, Placement) {
    let longest = image.width().max(image.height()) as f32;
    let scale = (side as f32 * share / longest).min(2.0);
    let scaled = |s: u32| ((s as f32 * scale).round() as u32).clamp(1, side as u32);
    let (width, height) = (scaled(image.width()), scaled(image.height()));
    let small = zeroize::Zeroizing::new(resize::shrink(
        image.rgb(),
        (image.width(), image.height()),
        (width, height),
    ));
    let margin = |s: u32| if share < 1.0 { (side - s as usize) / 2 } else { 0 };
    let (left, top) = (margin(width), margin(height));
    let mut canvas = zeroize::Zeroizing::new(vec![0u8; side * side * 3]);
    let row = width as usize * 3;
    for (y, line) in small.chunks_exact(row).enumerate() {
        let start = ((top + y) * side + left) * 3;
        canvas[start..start + row].copy_from_slice(line);
    }
    (canvas, Placement { left: left as f32, top: top as f32, scale })
}

/// Turns the twelve outputs (class, objectness, box and landmarks, each for three strides) into faces.
fn decode(outputs: &[Vec<f32>], side: usize, least_score: f32) -> Vec<Face> {
    let mut faces = Vec::new();
    for (level, stride) in STRIDES.into_iter().enumerate() {
        let [Some(class), Some(object), Some(boxes), Some(points)] =
            [0, 3, 6, 9].map(|head| outputs.get(head + level))
        else {
            continue;
        };
        let columns = side / stride;
        let cells = class
            .iter()
            .zip(object)
            .zip(boxes.as_chunks::<4>().0.iter().zip(points.as_chunks::<10>().0));
        for (index, ((class, object), (bounds, points))) in cells.enumerate() {
            let score = (class.clamp(0.0, 1.0) * object.clamp(0.0, 1.0)).sqrt();
            let found = bounds.iter().chain(points).all(|value| value.is_finite());
            if score >= least_score && found {
                let cell = Point { x: (index % columns) as f32, y: (index / columns) as f32 };
                faces.push(face(cell, stride as f32, score, (bounds, points)));
            }
        }
    }
    faces
}

fn face(cell: Point, stride: f32, score: f32, (bounds, points): (&[f32; 4], &[f32; 10])) -> Face {
    // An exponent beyond this would be a box larger than any picture.
    let size = |log: f32| log.min(8.0).exp() * stride;
    let (width, height) = (size(bounds[2]), size(bounds[3]));
    let left = (cell.x + bounds[0]) * stride - width / 2.0;
    let top = (cell.y + bounds[1]) * stride - height / 2.0;
    let at = |i: usize| Point {
        x: (cell.x + points[2 * i]) * stride,
        y: (cell.y + points[2 * i + 1]) * stride,
    };
    let landmarks = Landmarks::from_points([at(0), at(1), at(2), at(3), at(4)]);
    Face { bounding_box: BoundingBox { left, top, width, height }, landmarks, score }
}

/// Greedy non-maximum suppression of `faces`, which come best first.
fn without_duplicates(faces: Vec<Face>) -> Vec<Face> {
    let mut kept: Vec<Face> = Vec::new();
    for face in faces {
        if kept.iter().all(|k| k.bounding_box.overlap(&face.bounding_box) <= SAME_FACE) {
            kept.push(face);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(left: f32, side: f32, score: f32) -> Face {
        let at = Point { x: 0.0, y: 0.0 };
        let bounding_box = BoundingBox { left, top: 0.0, width: side, height: side };
        Face { bounding_box, landmarks: Landmarks::from_points([at; 5]), score }
    }

    #[test]
    fn a_box_that_is_no_number_is_no_face() {
        // One cell of the coarsest level; the finer levels see nothing.
        let heads = |bounds: [f32; 4]| -> Vec<Vec<f32>> {
            let mut outputs: Vec<Vec<f32>> = [1, 1, 4, 10]
                .into_iter()
                .flat_map(|n| [vec![0.0; 16 * n], vec![0.0; 4 * n], vec![0.0; n]])
                .collect();
            (outputs[2], outputs[5], outputs[8]) = (vec![1.0], vec![1.0], bounds.to_vec());
            outputs
        };
        assert_eq!(decode(&heads([0.0, 0.0, 0.0, 0.0]), 32, 0.6).len(), 1);
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(decode(&heads([wrong, 0.0, 0.0, 0.0]), 32, 0.6).is_empty());
            assert!(decode(&heads([0.0, 0.0, wrong, 0.0]), 32, 0.6).is_empty());
        }
    }

    #[test]
    fn overlapping_boxes_are_one_face() {
        let faces = vec![square(0.0, 10.0, 0.9), square(2.0, 10.0, 0.8), square(9.0, 10.0, 0.7)];
        let kept: Vec<f32> = without_duplicates(faces).iter().map(|f| f.score).collect();
        assert_eq!(kept, [0.9, 0.7]);
    }

    #[test]
    fn overlap_is_intersection_over_union() {
        let (a, b) = (square(0.0, 10.0, 1.0).bounding_box, square(5.0, 10.0, 1.0).bounding_box);
        assert!((a.overlap(&b) - 50.0 / 150.0).abs() < 1e-6);
        assert!((a.overlap(&a) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_cell_is_decoded_as_the_paper_says() {
        let face = face(Point { x: 3.0, y: 4.0 }, 8.0, 0.7, (&[0.5, 0.25, 0.0, 1.0], &[1.0; 10]));
        let b = face.bounding_box;
        let expected =
            [28.0 - 4.0, 34.0 - 4.0 * std::f32::consts::E, 8.0, 8.0 * std::f32::consts::E];
        for (found, expected) in [b.left, b.top, b.width, b.height].into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4);
        }
        assert_eq!(face.landmarks.nose, Point { x: 32.0, y: 40.0 });
    }
}
