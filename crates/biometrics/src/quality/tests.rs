use super::*;
use crate::align::{SIDE, align};
use crate::detect::{BoundingBox, Landmarks, Point};

fn landmarks(nose_x: f32, nose_y: f32, left_eye_y: f32) -> Landmarks {
    let at = |x, y| Point { x, y };
    Landmarks {
        right_eye: at(38.3, 51.6),
        left_eye: at(73.5, left_eye_y),
        nose: at(nose_x, nose_y),
        mouth_right: at(41.5, 92.4),
        mouth_left: at(70.7, 92.2),
    }
}

fn face() -> Face {
    let bounding_box = BoundingBox { left: 20.0, top: 20.0, width: 72.0, height: 90.0 };
    Face { bounding_box, landmarks: landmarks(56.0, 71.7, 51.5), score: 1.0 }
}

fn picture(pixel: impl Fn(usize, usize) -> u8) -> Image {
    let rgb = (0..SIDE * SIDE).flat_map(|i| [pixel(i % SIDE, i / SIDE); 3]).collect();
    Image::from_rgb(SIDE as u32, SIDE as u32, rgb).unwrap()
}

fn measured(pixel: impl Fn(usize, usize) -> u8) -> Quality {
    let image = picture(pixel);
    Quality::measure(&image, &face(), &align(&image, &face().landmarks))
}

/// Something like a face: skin with texture and two dark pupils.
fn drawn(x: usize, y: usize) -> u8 {
    let pupil = |centre: usize| x.abs_diff(centre) < 4 && y.abs_diff(52) < 4;
    if pupil(38) || pupil(73) { 30 } else { 110 + (x / 2 + y / 2) as u8 % 2 * 40 }
}

#[test]
fn a_plain_face_has_no_fault() {
    let quality = Quality { eye_distance: 60.0, ..measured(drawn) };
    assert_eq!(quality.hint(), None, "{quality:?}");
    assert_eq!(quality.weakness(), None);
}

#[test]
fn a_dark_a_bright_and_a_flat_face_are_refused_with_the_right_hint() {
    assert_eq!(measured(|_, _| 5).refusal(), Some(Hint::MoreLight));
    assert_eq!(measured(|_, _| 128).refusal(), Some(Hint::MoreLight));
    assert_eq!(measured(|_, _| 252).refusal(), Some(Hint::LessLight));
}

#[test]
fn a_smooth_gradient_is_blurred_and_stripes_are_sharp() {
    let blurred = measured(|x, _| (40 + x) as u8);
    let sharp = measured(|x, _| if x / 3 % 2 == 0 { 60 } else { 180 });
    assert_eq!(blurred.refusal(), Some(Hint::HoldStill));
    assert!(sharp.sharpness > 10.0 * blurred.sharpness);
    assert_eq!(sharp.refusal(), None);
}

#[test]
fn turning_bowing_and_tilting_are_measured_in_degrees() {
    let (straight, level, upright) = pose::pose(&landmarks(55.9, 71.8, 51.6));
    let (turned, _, _) = pose::pose(&landmarks(75.2, 71.8, 51.6));
    let (_, bowed, _) = pose::pose(&landmarks(55.9, 71.8 + 19.3, 51.6));
    let (_, _, tilted) = pose::pose(&landmarks(55.9, 71.8, 51.6 + 35.2));
    assert!(straight.abs() < 1.0 && level.abs() < 1.5 && upright.abs() < 1.0);
    assert!((turned - 45.0).abs() < 1.5, "{turned}");
    assert!((bowed - 45.0).abs() < 1.5, "{bowed}");
    assert!((tilted - 45.0).abs() < 1.0, "{tilted}");
}

#[test]
fn dark_lenses_hide_the_eyes_and_shut_eyes_lose_their_contrast() {
    let lens = |x: usize, y: usize| (46..64).contains(&y) && (26..88).contains(&x);
    let glasses = measured(|x, y| if lens(x, y) && x.abs_diff(56) > 4 { 15 } else { drawn(x, y) });
    let (open, shut) = (measured(drawn), measured(|x, y| 110 + (x / 2 + y / 2) as u8 % 2 * 40));
    assert!(open.eyes_visible > 0.8 && glasses.eyes_visible < 0.2);
    assert!(shut.eyes_are_shut_beside([&open, &shut]) && !open.eyes_are_shut_beside([&shut]));
    let told = Quality { eye_distance: 60.0, ..glasses }.hint();
    assert_eq!(told, Some(Hint::UncoverEyes), "{glasses:?}");
}

#[test]
fn light_from_behind_is_told_from_too_little_light() {
    let inside = |x: usize, y: usize| (20..92).contains(&x) && (20..110).contains(&y);
    let scaled = |x: usize, y: usize| (u16::from(drawn(x, y)) * 4 / 10) as u8;
    let behind = measured(|x, y| if inside(x, y) { scaled(x, y) } else { 250 });
    let dark = measured(|x, y| if inside(x, y) { scaled(x, y) } else { 20 });
    assert!(behind.backlight > 0.6 && dark.backlight < 0.0);
    let told = |quality: Quality| Quality { eye_distance: 60.0, ..quality }.hint();
    assert_eq!(told(behind), Some(Hint::LightBehind));
    assert_ne!(told(dark), Some(Hint::LightBehind));
}

#[test]
fn a_face_at_the_edge_is_partly_outside() {
    let image = picture(drawn);
    let mut face = face();
    face.bounding_box.left = 112.0 - 36.0;
    let half = frame::outside(&image, &face.bounding_box, &face.landmarks);
    assert!((half - 0.5).abs() < 0.01, "{half}");
    face.bounding_box.left = 20.0;
    assert!(frame::outside(&image, &face.bounding_box, &face.landmarks) < 0.01);
}

#[test]
fn the_most_important_hint_comes_first_and_what_is_no_number_is_a_fault() {
    let all = Quality { eye_distance: 3.0, yaw: 80.0, brightness: 2.0, ..measured(drawn) };
    assert_eq!(all.refusal(), Some(Hint::MoveCloser));
    let turned = Quality { eye_distance: 60.0, yaw: f32::NAN, ..measured(drawn) };
    assert_eq!(turned.refusal(), Some(Hint::FaceCamera));
}
