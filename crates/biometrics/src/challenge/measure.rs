//! What one frame says about the head.
use crate::detect::{Landmarks, Point};
use crate::image::Image;

/// The head in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Where the nose is across, between eyes and mouth, in eye distances; positive towards the person's left. Turning a
    /// flat picture does not change it: any view of a plane from afar is affine, and this is a ratio within the plane.
    pub turn: f32,
    /// From the eyes to the mouth, as a share of the frame's height.
    pub size: f32,
    /// How open the eyes are, in any unit that stays the same: the contrast of the eyes to the skin around them.
    pub openness: f32,
}

impl Observation {
    /// Measures the face with these landmarks in `image`.
    pub fn new(image: &Image, landmarks: &Landmarks) -> Self {
        let eyes = landmarks.right_eye.midpoint(landmarks.left_eye);
        let mouth = landmarks.mouth_right.midpoint(landmarks.mouth_left);
        let right = openness(image, landmarks.right_eye, landmarks);
        let left = openness(image, landmarks.left_eye, landmarks);
        Self {
            turn: across(landmarks, eyes, mouth),
            size: eyes.distance(mouth) / image.height() as f32,
            openness: f32::midpoint(right, left),
        }
    }

    pub(super) fn is_finite(&self) -> bool {
        self.turn.is_finite() && self.size.is_finite() && self.openness.is_finite()
    }
}

/// The nose's place along the line of the eyes, after its way along the line to the mouth.
fn across(landmarks: &Landmarks, eyes: Point, mouth: Point) -> f32 {
    let (ax, ay) = (
        landmarks.left_eye.x - landmarks.right_eye.x,
        landmarks.left_eye.y - landmarks.right_eye.y,
    );
    let (dx, dy) = (mouth.x - eyes.x, mouth.y - eyes.y);
    let (x, y) = (landmarks.nose.x - eyes.x, landmarks.nose.y - eyes.y);
    (x * dy - y * dx) / (ax * dy - ay * dx)
}

/// How much darker the darkest tenth around an eye is than the brightest half, as a share: lids are as bright as skin.
fn openness(image: &Image, eye: Point, landmarks: &Landmarks) -> f32 {
    let unit = landmarks.eye_distance();
    let (wide, high) = (0.26 * unit, 0.14 * unit);
    let range = |middle: f32, reach: f32, end: u32| {
        let low = (middle - reach).clamp(0.0, end as f32) as usize;
        low..((middle + reach).clamp(0.0, end as f32) as usize).max(low)
    };
    let columns = range(eye.x, wide, image.width());
    let mut values: Vec<u8> = range(eye.y, high, image.height())
        .flat_map(|y| columns.clone().map(move |x| (y, x)))
        .filter_map(|(y, x)| {
            let start = (y * image.width() as usize + x) * 3;
            // Green: the channel with most of the light and least of the noise.
            image.rgb().get(start + 1).copied()
        })
        .collect();
    if values.is_empty() {
        return 0.0;
    }
    values.sort_unstable();
    let mean =
        |part: &[u8]| part.iter().map(|v| f32::from(*v)).sum::<f32>() / part.len().max(1) as f32;
    let dark = mean(&values[..(values.len() / 10).max(1)]);
    let bright = mean(&values[values.len() / 2..]);
    (1.0 - dark / bright.max(1.0)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: [(f32, f32); 5] =
        [(100.0, 100.0), (160.0, 100.0), (132.0, 135.0), (108.0, 170.0), (152.0, 170.0)];

    /// Where a point of the face is seen.
    type View<'a> = &'a dyn Fn((f32, f32)) -> (f32, f32);

    fn landmarks(map: impl Fn((f32, f32)) -> (f32, f32)) -> Landmarks {
        let [right_eye, left_eye, nose, mouth_right, mouth_left] =
            FACE.map(map).map(|(x, y)| Point { x, y });
        Landmarks { right_eye, left_eye, nose, mouth_right, mouth_left }
    }

    fn grey() -> Image {
        Image::from_rgb(320, 240, vec![128; 320 * 240 * 3]).unwrap()
    }

    #[test]
    fn turning_a_flat_picture_does_not_look_like_a_turned_head() {
        let turn = |map: &dyn Fn((f32, f32)) -> (f32, f32)| {
            Observation::new(&grey(), &landmarks(map)).turn
        };
        let straight = turn(&|p| p);
        // Seen from the side, tilted, rolled: all affine.
        let views: [View<'_>; 3] =
            [&|(x, y)| (0.7 * x, y), &|(x, y)| (x, 0.8 * y + 0.1 * x), &|(x, y)| {
                (0.9 * x - 0.3 * y, 0.3 * x + 0.9 * y)
            }];
        for view in views {
            assert!((turn(view) - straight).abs() < 1e-4);
        }
        // A head turned to the person's left moves its nose to the picture's right.
        let nose_moves =
            |(x, y): (f32, f32)| if (y - 135.0).abs() < 1.0 { (x + 15.0, y) } else { (x, y) };
        assert!((turn(&nose_moves) - straight - 0.25).abs() < 1e-4);
    }

    #[test]
    fn a_dark_pupil_is_an_open_eye() {
        let place = landmarks(|p| p);
        let with_pupils = grey().altered(|rgb| {
            for (x, y) in [(100, 100), (160, 100)] {
                for (dx, dy) in (0..49).map(|i| (i % 7, i / 7)) {
                    let start = ((y + dy - 3) * 320 + x + dx - 3) * 3;
                    rgb[start..start + 3].fill(20);
                }
            }
        });
        let openness = |image: &Image| Observation::new(image, &place).openness;
        assert!(openness(&grey()) < 0.05 && openness(&with_pupils) > 0.7);
    }

    #[test]
    fn landmarks_in_one_point_are_no_measurement() {
        let nowhere = landmarks(|_| (5.0, 5.0));
        assert!(!Observation::new(&grey(), &nowhere).is_finite());
    }
}
