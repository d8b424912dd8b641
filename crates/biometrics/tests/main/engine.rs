//! The engine on photographs of known people (public domain; see tests/data/faces/README.md).
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use imp_biometrics::{
    CaptureError, Engine, EnrolError, FaceError, Hint, Image, LoadError, MaskStyle, Outcome,
    Template,
};
use imp_models::ModelStore;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let store = ModelStore::open(root().join("models")).unwrap();
        Engine::load(&store, NonZeroUsize::new(2).unwrap()).unwrap()
    });
    &ENGINE
}

pub(crate) fn photograph(name: &str) -> Image {
    Image::open(&root().join("tests/data/faces").join(name)).unwrap()
}

const OBAMA: [&str; 3] = ["obama.jpg", "obama2.jpg", "obama3.jpg"];
pub(crate) const EVERYBODY: [&str; 5] =
    ["obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "astronaut.png"];

pub(crate) fn enrolled(names: &[&str]) -> Template {
    let photographs: Vec<Image> = names.iter().map(|n| photograph(n)).collect();
    engine().enrol(&photographs).unwrap()
}

fn masked(name: &str, style: MaskStyle) -> Image {
    engine().draw_mask(&photograph(name), style, 42).unwrap()
}

/// Two pictures side by side, both as wide as `width`.
pub(crate) fn beside(left: &Image, right: &Image, width: u32) -> Image {
    let height = 600;
    let mut rgb = Vec::with_capacity((width * 2 * height * 3) as usize);
    for y in 0..height {
        for image in [left, right] {
            for x in 0..width {
                let column = x * image.width() / width;
                let row = y * image.height() / height;
                let start = (row * image.width() + column) as usize * 3;
                rgb.extend_from_slice(&image.rgb()[start..start + 3]);
            }
        }
    }
    Image::from_rgb(width * 2, height, rgb).unwrap()
}

/// The picture with every pixel changed.
fn changed(image: &Image, change: impl Fn(u8) -> u8) -> Image {
    let rgb = image.rgb().iter().map(|v| change(*v)).collect();
    Image::from_rgb(image.width(), image.height(), rgb).unwrap()
}

fn flat(width: u32, height: u32) -> Image {
    Image::from_rgb(width, height, vec![128; (width * height * 3) as usize]).unwrap()
}

#[test]
fn the_same_person_matches_with_a_bare_face() {
    for (reference, probe) in [(0, 1), (1, 2), (2, 0)] {
        let template = enrolled(&[OBAMA[reference]]);
        let result = engine().verify(&[photograph(OBAMA[probe])], &template).unwrap();
        assert!(result.accepted(), "{} and {}: {result:?}", OBAMA[reference], OBAMA[probe]);
        assert!(!result.mask_worn);
        assert_eq!(result.model_set, engine().model_set());
    }
}

#[test]
fn the_same_person_matches_with_a_drawn_mask() {
    let template = enrolled(&["obama.jpg", "obama2.jpg"]);
    for style in MaskStyle::ALL {
        let result = engine().verify(&[masked("obama3.jpg", style)], &template).unwrap();
        assert!(result.mask_worn, "{style}");
        assert_eq!(result.outcome, Outcome::Match, "{style}: {result:?}");
    }
}

#[test]
fn different_people_do_not_match() {
    for (reference, probe) in [
        ("obama.jpg", "biden.jpg"),
        ("astronaut.png", "obama2.jpg"),
        ("biden.jpg", "astronaut.png"),
    ] {
        let template = enrolled(&[reference]);
        for frame in [photograph(probe), masked(probe, MaskStyle::Surgical)] {
            let result = engine().verify(&[frame], &template).unwrap();
            assert_eq!(result.outcome, Outcome::NonMatch, "{reference} and {probe}: {result:?}");
            assert!(!result.accepted());
        }
    }
}

#[test]
fn the_known_photographs_are_bona_fide() {
    for name in EVERYBODY {
        let capture = engine().capture(&[photograph(name)]).unwrap();
        let limit = engine().thresholds().attack;
        assert!(capture.attack_score() >= limit, "{name}: {}", capture.attack_score());
    }
}

#[test]
fn masks_are_told_from_bare_faces() {
    for name in EVERYBODY {
        assert!(!engine().capture(&[photograph(name)]).unwrap().mask_worn(), "{name}");
        for style in MaskStyle::ALL {
            assert!(
                engine().capture(&[masked(name, style)]).unwrap().mask_worn(),
                "{name} {style}"
            );
        }
    }
}

#[test]
fn equal_frames_count_once_and_the_best_three_are_used() {
    let frame = photograph("obama.jpg");
    let capture = engine().capture(&[frame.clone(), frame.clone(), frame.clone()]).unwrap();
    assert_eq!(capture.frames_used(), 1);
    let darker = changed(&frame, |v| v - v / 16);
    let brighter = changed(&frame, |v| v.saturating_add(4));
    let brightest = changed(&frame, |v| v.saturating_add(8));
    let capture = engine().capture(&[frame, darker, brighter, brightest]).unwrap();
    assert_eq!(capture.frames_used(), 3);
}

#[test]
fn frames_without_a_face_are_passed_over() {
    let frames = [flat(320, 240), photograph("obama.jpg"), flat(640, 480)];
    let capture = engine().capture(&frames).unwrap();
    assert_eq!(capture.frames_used(), 1);
}

#[test]
fn frames_of_two_people_are_refused() {
    let frames = [photograph("obama.jpg"), photograph("biden.jpg")];
    assert!(matches!(engine().capture(&frames), Err(CaptureError::FacesDiffer)));
}

#[test]
fn each_reason_for_no_probe_has_its_own_error() {
    let capture = |frames: &[Image]| engine().capture(frames).unwrap_err();
    assert!(matches!(capture(&[]), CaptureError::NoFrames));
    assert!(matches!(capture(&vec![flat(64, 64); 17]), CaptureError::TooManyFrames(17)));
    assert!(matches!(capture(&[flat(320, 240)]), CaptureError::Unusable(FaceError::NoFace)));
    let two = beside(&photograph("obama.jpg"), &photograph("obama3.jpg"), 450);
    assert!(matches!(
        capture(&[two]),
        CaptureError::Unusable(FaceError::SeveralFaces { count: 2 })
    ));
    let dark = changed(&photograph("obama.jpg"), |v| v / 16);
    let error = capture(&[dark]);
    assert!(
        matches!(
            &error,
            CaptureError::Unusable(FaceError::PoorQuality(Hint::MoreLight) | FaceError::NoFace)
        ),
        "{error:?}"
    );
}

#[test]
fn a_small_face_in_the_background_is_ignored() {
    let front = photograph("obama.jpg");
    let behind = photograph("biden.jpg");
    // The second face is put into the upper left corner at a fifth of the picture's width.
    let small = front.width() / 5;
    let mut rgb = front.rgb().to_vec();
    for y in 0..small * behind.height() / behind.width() {
        for x in 0..small {
            let (column, row) = (x * behind.width() / small, y * behind.width() / small);
            let from = (row.min(behind.height() - 1) * behind.width() + column) as usize * 3;
            let to = (y * front.width() + x) as usize * 3;
            rgb[to..to + 3].copy_from_slice(&behind.rgb()[from..from + 3]);
        }
    }
    let crowd = Image::from_rgb(front.width(), front.height(), rgb).unwrap();
    assert_eq!(engine().inspect(&crowd).unwrap().faces.len(), 2);
    let result = engine().verify(&[crowd], &enrolled(&["obama2.jpg"])).unwrap();
    assert_eq!(result.outcome, Outcome::Match);
}

#[test]
fn enrolment_refuses_what_would_make_a_bad_reference() {
    let enrol = |photographs: &[Image]| engine().enrol(photographs).unwrap_err();
    assert!(matches!(enrol(&[]), EnrolError::NoPhotographs));
    assert!(matches!(enrol(&vec![flat(64, 64); 17]), EnrolError::TooMany(17)));
    let error = enrol(&[photograph("obama.jpg"), flat(320, 240)]);
    assert!(
        matches!(error, EnrolError::Unusable { index: 1, source: FaceError::NoFace }),
        "{error}"
    );
    let error = enrol(&[photograph("obama.jpg"), photograph("biden.jpg")]);
    assert!(matches!(error, EnrolError::DifferentPeople { index: 1 }), "{error}");
    assert!(matches!(enrol(&[masked("obama.jpg", MaskStyle::Cloth)]), EnrolError::OnlyMasked));
}

#[test]
fn worn_masks_can_be_part_of_an_enrolment() {
    let photographs = [photograph("obama.jpg"), masked("obama2.jpg", MaskStyle::Surgical)];
    let template = engine().enrol(&photographs).unwrap();
    assert_eq!(template.photographs(), 2);
    let probe = [masked("obama3.jpg", MaskStyle::Dark)];
    assert_eq!(engine().verify(&probe, &template).unwrap().outcome, Outcome::Match);
}

#[test]
fn inspection_finds_each_face_and_times_each_step() {
    let two = beside(&photograph("obama.jpg"), &photograph("biden.jpg"), 450);
    let inspection = engine().inspect(&two).unwrap();
    assert_eq!(inspection.faces.len(), 2);
    for found in &inspection.faces {
        let [right_eye, left_eye, nose, mouth_right, mouth_left] = found.face.landmarks.points();
        assert!(right_eye.x < left_eye.x && mouth_right.x < mouth_left.x);
        assert!(right_eye.y < nose.y && nose.y < mouth_left.y);
        let bounds = found.face.bounding_box;
        assert!(nose.x > bounds.left && nose.x < bounds.left + bounds.width);
    }
    let names: Vec<_> = inspection.steps.iter().map(|s| s.name).collect();
    assert_eq!(names, ["detect", "landmarks", "align and quality", "attack", "embed", "mask"]);
    assert!(engine().inspect(&flat(100, 100)).unwrap().faces.is_empty());
}

#[test]
fn a_verification_times_each_step() {
    let result = engine().verify(&[photograph("obama.jpg")], &enrolled(&["obama2.jpg"])).unwrap();
    let names: Vec<_> = result.steps.iter().map(|s| s.name).collect();
    assert_eq!(
        names,
        [
            "detect",
            "landmarks",
            "align and quality",
            "attack",
            "embed",
            "mask",
            "capture",
            "compare"
        ]
    );
}

#[test]
fn one_thread_and_several_decide_alike() {
    let store = ModelStore::open(root().join("models")).unwrap();
    let alone = Engine::load(&store, NonZeroUsize::MIN).unwrap();
    let template = enrolled(&["obama.jpg"]);
    let frames = [photograph("obama2.jpg")];
    let (one, two) =
        (alone.verify(&frames, &template).unwrap(), engine().verify(&frames, &template).unwrap());
    assert!((one.similarity - two.similarity).abs() < 1e-6);
    assert!((one.attack_score - two.attack_score).abs() < 1e-6);
}

#[test]
fn frames_of_every_shape_are_answered() {
    for (width, height) in [(32, 32), (32, 2048), (2048, 32), (33, 47), (1920, 1080)] {
        let error = engine().capture(&[flat(width, height)]).unwrap_err();
        assert!(matches!(error, CaptureError::Unusable(FaceError::NoFace)), "{width}×{height}");
    }
}

#[test]
fn an_engine_needs_every_model_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(root().join("models/manifest.toml"), folder.path().join("manifest.toml"))
        .unwrap();
    let store = ModelStore::open(folder.path()).unwrap();
    let uncalibrated = Engine::load(&store, NonZeroUsize::MIN).err().unwrap();
    assert!(matches!(uncalibrated, LoadError::Calibration { .. }));
    let calibration = ModelStore::open(root().join("models")).unwrap().calibration_file().unwrap();
    let store = store.calibrated_by(calibration);
    let error = Engine::load(&store, NonZeroUsize::MIN).err().unwrap();
    assert!(matches!(error, LoadError::Models { .. }));
    assert!(error.to_string().contains("imp-face@"));
}
