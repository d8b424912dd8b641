//! Landmarks more exact than one look gives them. A mask moves what the detector says of eyes and nose by a tenth of the eye
//! distance, differently at each size and in the mirror: the mean of five looks moves half as far, and the crop with it
//! (`docs/faces/recognition.md` has the figures).
use zeroize::Zeroizing;

use crate::detect::{BoundingBox, Detector, Face, Landmarks, Placement, Point};
use crate::image::Image;
use crate::network::InferenceError;
use crate::resize;

/// Side of the square in which a face that was found is looked at again, in pixels.
pub(crate) const CLOSE_SIDE: usize = 128;
/// What share of that square the longer side of the face's box fills: the face as two distances show it.
const SHARES: [f32; 2] = [0.6, 0.8];
/// The same face overlaps the box that was found first by more than this.
const SAME_FACE: f32 = 0.3;
/// A face is known to be there: half of the score that finding one takes is enough.
const LENIENCE: f32 = 0.5;

/// A square part of a picture, in whole pixels; it may reach beyond the edges.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Square {
    left: i64,
    top: i64,
    side: u32,
}

impl Detector {
    /// `face` with the mean of its landmarks and of those of four closer looks: at two sizes, each also in the mirror. A
    /// look that finds no face there does not count.
    pub(crate) fn refined(&self, image: &Image, face: &Face) -> Result<Face, InferenceError> {
        let mut looks = vec![face.landmarks.points()];
        for share in SHARES {
            let square = Square::around(&face.bounding_box, share);
            let canvas = square.cut(image);
            let place = square.placement();
            let found = self.closer(&canvas, &place)?;
            looks.extend(same(&found, &face.bounding_box));
            let found = self.closer(&mirrored(&canvas), &place)?;
            let found: Vec<Face> = found.iter().map(|f| square.unmirrored(f)).collect();
            looks.extend(same(&found, &face.bounding_box));
        }
        Ok(Face { landmarks: Landmarks::from_points(mean(&looks)), ..*face })
    }

    fn closer(&self, canvas: &[u8], place: &Placement) -> Result<Vec<Face>, InferenceError> {
        self.faces_on(self.close(), canvas, place, LENIENCE)
    }
}

impl Square {
    /// The square whose middle is that of `bounds`, and in which its longer side takes this `share`.
    #[expect(clippy::manual_clamp, reason = "`clamp` would let through what is no number")]
    fn around(bounds: &BoundingBox, share: f32) -> Self {
        // Whatever the network says, a number or none: a face is no larger than a picture, 2048 pixels.
        let side = (bounds.width.max(bounds.height) / share).round().max(16.0).min(4096.0);
        let start =
            |low: f32, length: f32| (low + (length - side) / 2.0).round().max(-1e6).min(1e6) as i64;
        Self {
            left: start(bounds.left, bounds.width),
            top: start(bounds.top, bounds.height),
            side: side as u32,
        }
    }

    /// How the picture lies on the network's square.
    fn placement(&self) -> Placement {
        let scale = CLOSE_SIDE as f32 / self.side as f32;
        Placement { left: -(self.left as f32) * scale, top: -(self.top as f32) * scale, scale }
    }

    /// The part of `image`, black where there is none, at the network's size.
    fn cut(&self, image: &Image) -> Zeroizing<Vec<u8>> {
        let side = self.side as usize;
        let (width, height) = (i64::from(image.width()), i64::from(image.height()));
        let (first, end) =
            (self.left.clamp(0, width), (self.left + i64::from(self.side)).clamp(0, width));
        let mut part = Zeroizing::new(vec![0u8; side * side * 3]);
        for (y, line) in (self.top..).zip(part.chunks_exact_mut(side * 3)) {
            if first < end && (0..height).contains(&y) {
                let from = (y * width + first) as usize * 3;
                let length = (end - first) as usize * 3;
                let to = (first - self.left) as usize * 3;
                line[to..to + length].copy_from_slice(&image.rgb()[from..from + length]);
            }
        }
        let close = CLOSE_SIDE as u32;
        Zeroizing::new(resize::shrink(&part, (self.side, self.side), (close, close)))
    }

    /// A face found in the mirror image of this part, where it is in the picture.
    fn unmirrored(&self, face: &Face) -> Face {
        let flip = |x: f32| 2.0 * self.left as f32 + self.side as f32 - 1.0 - x;
        let at = |p: Point| Point { x: flip(p.x), y: p.y };
        let b = face.bounding_box;
        let l = face.landmarks;
        Face {
            bounding_box: BoundingBox { left: flip(b.left + b.width), ..b },
            landmarks: Landmarks {
                right_eye: at(l.left_eye),
                left_eye: at(l.right_eye),
                nose: at(l.nose),
                mouth_right: at(l.mouth_left),
                mouth_left: at(l.mouth_right),
            },
            score: face.score,
        }
    }
}

fn mirrored(canvas: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut mirrored = Zeroizing::new(canvas.to_vec());
    for row in mirrored.chunks_exact_mut(CLOSE_SIDE * 3) {
        row.as_chunks_mut::<3>().0.reverse();
    }
    mirrored
}

/// The landmarks of the one of `found` that is the face in `bounds`.
fn same(found: &[Face], bounds: &BoundingBox) -> Option<[Point; 5]> {
    let overlap = |f: &Face| f.bounding_box.overlap(bounds);
    let best = found.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)))?;
    (overlap(best) > SAME_FACE).then(|| best.landmarks.points())
}

fn mean(looks: &[[Point; 5]]) -> [Point; 5] {
    let count = looks.len().max(1) as f32;
    std::array::from_fn(|i| {
        let sum = |axis: fn(&Point) -> f32| looks.iter().map(|l| axis(&l[i])).sum::<f32>();
        Point { x: sum(|p| p.x) / count, y: sum(|p| p.y) / count }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(left: f32, top: f32, width: f32, height: f32) -> BoundingBox {
        BoundingBox { left, top, width, height }
    }

    fn face(bounding_box: BoundingBox) -> Face {
        let at = |x, y| Point { x: bounding_box.left + x, y: bounding_box.top + y };
        let points =
            [at(10.0, 12.0), at(30.0, 13.0), at(20.0, 20.0), at(12.0, 30.0), at(28.0, 31.0)];
        Face { bounding_box, landmarks: Landmarks::from_points(points), score: 0.9 }
    }

    #[test]
    fn the_square_has_the_face_in_its_middle_at_the_wanted_size() {
        let square = Square::around(&bounds(100.0, 80.0, 60.0, 96.0), 0.8);
        assert_eq!(square, Square { left: 70, top: 68, side: 120 });
        let place = square.placement();
        assert!((place.scale - 128.0 / 120.0).abs() < 1e-6);
    }

    #[test]
    fn what_is_cut_out_is_the_part_and_black_beyond_the_edge() {
        let rgb: Vec<u8> = (0..200 * 100).flat_map(|i| [(i % 200) as u8, 200, 7]).collect();
        let image = Image::from_rgb(200, 100, rgb).unwrap();
        let square = Square { left: -28, top: -10, side: 128 };
        let canvas = square.cut(&image);
        let pixel = |x: usize, y: usize| &canvas[(y * CLOSE_SIDE + x) * 3..][..3];
        assert_eq!(pixel(28, 10), [0, 200, 7]);
        assert_eq!(pixel(78, 60), [50, 200, 7]);
        assert_eq!(pixel(27, 60), [0, 0, 0]);
        assert_eq!(pixel(60, 9), [0, 0, 0]);
        assert_eq!(pixel(60, 115), [0, 0, 0]);
    }

    #[test]
    fn a_square_wholly_outside_is_black() {
        let image = Image::from_rgb(64, 64, vec![90; 64 * 64 * 3]).unwrap();
        for (left, top) in [(-5000, 0), (5000, 0), (0, -5000), (0, 5000)] {
            assert!(Square { left, top, side: 40 }.cut(&image).iter().all(|v| *v == 0));
        }
    }

    #[test]
    fn mirroring_a_face_twice_changes_nothing_and_swaps_the_sides_once() {
        let square = Square { left: 40, top: 0, side: 128 };
        let straight = face(bounds(70.0, 20.0, 40.0, 44.0));
        let once = square.unmirrored(&straight);
        assert!(once.landmarks.right_eye.x < once.landmarks.left_eye.x);
        let (eye, flipped) = (straight.landmarks.left_eye, once.landmarks.right_eye);
        assert!((eye.x + flipped.x - (2.0 * 40.0 + 127.0)).abs() < 1e-3);
        let twice = square.unmirrored(&once);
        for (a, b) in twice.landmarks.points().iter().zip(straight.landmarks.points()) {
            assert!(a.distance(b) < 1e-3);
        }
    }

    #[test]
    fn another_face_nearby_is_not_taken_for_this_one() {
        let here = bounds(70.0, 20.0, 40.0, 44.0);
        let beside = face(bounds(105.0, 20.0, 40.0, 44.0));
        assert_eq!(same(&[beside], &here), None);
        assert_eq!(same(&[], &here), None);
        let moved = face(bounds(73.0, 22.0, 40.0, 44.0));
        assert_eq!(same(&[beside, moved], &here), Some(moved.landmarks.points()));
    }

    #[test]
    fn landmarks_are_the_mean_of_the_looks() {
        let (a, b) = (face(bounds(0.0, 0.0, 40.0, 40.0)), face(bounds(4.0, 8.0, 40.0, 40.0)));
        let mean = mean(&[a.landmarks.points(), b.landmarks.points()]);
        assert!(mean[0].distance(Point { x: 12.0, y: 16.0 }) < 1e-4);
    }
}
