//! Measured photographs, kept and fused later, decide as the pictures themselves do.
use imp_biometrics::{CaptureError, EnrolError, FaceError, Image, MaskStyle, Measured};
use imp_models::ProbeKind;

use crate::engine::{engine, photograph};

fn measured(name: &str) -> Measured {
    engine().measure_reference(&photograph(name)).unwrap().unwrap()
}

#[test]
fn a_reference_of_measured_photographs_is_that_of_enrolment() {
    let enrolled = engine().enrol(&["obama.jpg", "obama2.jpg"].map(photograph)).unwrap();
    let kept = ["obama.jpg", "obama2.jpg"].map(|name| {
        let text = serde_json::to_string(&measured(name)).unwrap();
        serde_json::from_str::<Measured>(&text).unwrap()
    });
    let template = engine().template(&kept.each_ref()).unwrap();
    assert_eq!(template.kind(), enrolled.kind());
    for masked in [false, true] {
        let part = if masked { enrolled.masked() } else { enrolled.bare() };
        let same = if masked { template.masked() } else { template.bare() };
        assert!(part.unwrap().similarity(same.unwrap()) > 0.9999, "masked: {masked}");
        let spread = template.spread(masked).unwrap();
        assert!((0.01..0.6).contains(&spread), "masked: {masked}: {spread}");
    }
}

#[test]
fn a_probe_of_measured_frames_is_that_of_the_camera() {
    let frame = photograph("obama3.jpg");
    let template = engine().enrol(&[photograph("obama.jpg")]).unwrap();
    let seen = engine().verify(std::slice::from_ref(&frame), &template).unwrap();
    let measured = engine().measure(&frame).unwrap().unwrap();
    let capture = engine().capture_of(&[&measured]).unwrap();
    let kept = engine().compare(&capture, &template).unwrap();
    assert_eq!((seen.outcome, seen.mask_worn), (kept.outcome, kept.mask_worn));
    assert!((seen.similarity - kept.similarity).abs() < 1e-5);
    let prepared = template.prepared(ProbeKind::Bare).unwrap();
    assert!((prepared.similarity(&capture) - kept.similarity).abs() < 1e-6);
}

#[test]
fn the_better_frame_counts_more() {
    let (mut one, mut other) = (measured("obama.jpg"), measured("obama3.jpg"));
    let template = engine().template(&[&one]).unwrap();
    let prepared = template.prepared(ProbeKind::Bare).unwrap();
    let mut similarity = |(first, second)| {
        one.quality.sharpness = first;
        other.quality.sharpness = second;
        prepared.similarity(&engine().capture_of(&[&one, &other]).unwrap())
    };
    let (better, alike, worse) =
        (similarity((0.15, 0.05)), similarity((0.1, 0.1)), similarity((0.05, 0.15)));
    assert!(better > alike && alike > worse, "{better} {alike} {worse}");
}

#[test]
fn measured_photographs_of_two_people_make_neither_a_reference_nor_a_probe() {
    let (obama, biden) = (measured("obama.jpg"), measured("biden.jpg"));
    let error = engine().template(&[&obama, &biden]).unwrap_err();
    assert!(matches!(error, EnrolError::DifferentPeople { index: 1 }), "{error}");
    assert!(matches!(engine().capture_of(&[&obama, &biden]), Err(CaptureError::FacesDiffer)));
    assert!(matches!(engine().template(&[]), Err(EnrolError::NoPhotographs)));
    assert!(matches!(engine().capture_of(&[]), Err(CaptureError::NoFrames)));
}

#[test]
fn masks_are_drawn_for_a_reference_only_where_none_is_worn() {
    let bare = measured("obama.jpg");
    assert_eq!(bare.drawn().len(), 2);
    assert!(!engine().mask_worn(&bare));
    assert!(engine().measure(&photograph("obama.jpg")).unwrap().unwrap().drawn().is_empty());
    let worn = engine().draw_mask(&photograph("obama.jpg"), MaskStyle::Cloth, 3).unwrap();
    let worn = engine().measure_reference(&worn).unwrap().unwrap();
    assert!(engine().mask_worn(&worn) && worn.drawn().is_empty());
    let wall = Image::from_rgb(320, 240, vec![128; 320 * 240 * 3]).unwrap();
    assert!(matches!(engine().measure(&wall).unwrap(), Err(FaceError::NoFace)));
}

#[test]
fn a_measurement_that_was_tampered_with_is_not_read() {
    let text = serde_json::to_string(&measured("obama.jpg")).unwrap();
    let short = text.replacen("\"mean\":[", "\"mean\":[0.5,", 1);
    assert_ne!(short, text);
    serde_json::from_str::<Measured>(&short).unwrap_err();
}
