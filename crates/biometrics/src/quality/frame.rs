//! Whether the whole face is in the picture (ISO/IEC 29794-5: leftward, rightward, upward and downward crop).
use crate::detect::{BoundingBox, Landmarks, Point};
use crate::image::Image;

/// Share of the face's box that lies outside `image`, 0–1. The mouth's own box counts as well: a detector's box may stop at
/// the edge.
pub(super) fn outside(image: &Image, face: &BoundingBox, landmarks: &Landmarks) -> f32 {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let inside = |low: f32, length: f32, end: f32| {
        ((low + length).min(end) - low.max(0.0)).max(0.0) / length.max(f32::MIN_POSITIVE)
    };
    let box_inside = inside(face.left, face.width, width) * inside(face.top, face.height, height);
    let lost = |p: &Point| p.x < 0.0 || p.y < 0.0 || p.x >= width || p.y >= height;
    let points = landmarks.points();
    let points_lost = points.iter().filter(|p| lost(p)).count() as f32 / points.len() as f32;
    (1.0 - box_inside).max(points_lost)
}
