//! How the head is held (ISO/IEC 29794-5, head pose), estimated from five landmarks: no network of its own.
use crate::detect::Landmarks;

/// The nose's tip stands out of the plane of the eyes and the mouth by about this share of the eyes' distance.
const NOSE_DEPTH: f32 = 0.55;
/// From the eyes down to the mouth, in eye distances, and how much of that the nose's tip is down, of a head held level: the
/// recogniser's own pictures.
const FACE_HEIGHT: f32 = 1.16;
const NOSE_HEIGHT: f32 = 0.497;

/// Yaw, pitch and roll in degrees.
///
/// Yaw is positive to the picture's right: the nose leaves the middle between the eyes when the head turns. Pitch is positive
/// downwards: the nose comes nearer to the mouth when the head bows. Roll is positive clockwise.
pub(super) fn pose(landmarks: &Landmarks) -> (f32, f32, f32) {
    let (right, left) = (landmarks.right_eye, landmarks.left_eye);
    let distance = landmarks.eye_distance().max(f32::MIN_POSITIVE);
    let (across, down) = ((left.x - right.x) / distance, (left.y - right.y) / distance);
    let middle = right.midpoint(left);
    let along = |x: f32, y: f32| (x * across + y * down) / distance;
    let below = |x: f32, y: f32| (y * across - x * down) / distance;
    let nose = (landmarks.nose.x - middle.x, landmarks.nose.y - middle.y);
    let mouth = landmarks.mouth_right.midpoint(landmarks.mouth_left);
    let height = below(mouth.x - middle.x, mouth.y - middle.y);
    let yaw = (along(nose.0, nose.1) / NOSE_DEPTH).atan().to_degrees();
    let lower = below(nose.0, nose.1) / height.max(0.1) - NOSE_HEIGHT;
    let pitch = (lower * FACE_HEIGHT / NOSE_DEPTH).atan().to_degrees();
    (yaw, pitch, down.atan2(across).to_degrees())
}
