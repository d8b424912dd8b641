//! Which hints good photographs get, and which ones bad ones. With more photographs (`IMP_TEST_DATA`) the counts are printed
//! that `docs/faces/quality.md` has.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use imp_biometrics::{FaceError, Hint, Image, Quality};

use crate::degraded::Fault;
use crate::engine::{EVERYBODY, engine, photograph};
use crate::research::folder;

/// What is said about a photograph, and what it measures.
fn seen(image: &Image) -> (Option<Hint>, Option<Quality>) {
    match engine().look(image).unwrap() {
        Ok((_, quality)) => (quality.hint(), Some(quality)),
        Err(FaceError::PoorQuality(hint)) => (Some(hint), None),
        Err(FaceError::TooSmall { .. }) => (Some(Hint::MoveCloser), None),
        Err(error @ (FaceError::NoFace | FaceError::SeveralFaces { .. })) => {
            println!("{error}");
            (None, None)
        }
    }
}

#[test]
fn the_known_photographs_are_good_enough_for_a_reference() {
    for name in EVERYBODY {
        let (_, quality) = engine().look(&photograph(name)).unwrap().unwrap();
        assert_eq!(quality.weakness(), None, "{name}: {quality:?}");
    }
}

#[test]
fn each_fault_is_told_with_its_own_hint() {
    for (fault, hint) in [
        (Fault::Blurred, Hint::HoldStill),
        (Fault::Darkened, Hint::MoreLight),
        (Fault::Overexposed, Hint::LessLight),
        (Fault::Backlit, Hint::LightBehind),
        (Fault::HalfDark, Hint::EvenLight),
        (Fault::DarkGlasses, Hint::UncoverEyes),
    ] {
        let image = photograph("obama.jpg");
        let (face, before) = engine().look(&image).unwrap().unwrap();
        let worse = fault.of(&image, &face);
        let (told, quality) = seen(&worse);
        assert_eq!(told, Some(hint), "{fault:?}: {quality:?}, before {before:?}");
    }
}

#[test]
fn shutting_the_eyes_takes_from_their_contrast() {
    for name in EVERYBODY {
        let image = photograph(name);
        let (face, open) = engine().look(&image).unwrap().unwrap();
        let (_, shut) = engine().look(&Fault::EyesShut.of(&image, &face)).unwrap().unwrap();
        assert!(shut.eyes_open < 0.9 * open.eyes_open, "{name}: {open:?} {shut:?}");
    }
}

/// Every so many photographs below `folder`.
fn photographs(folder: &Path, every: usize) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path()));
        } else {
            paths.push(path);
        }
    }
    paths.sort();
    paths.into_iter().step_by(every).collect()
}

/// Every so many photographs are looked at; all take half an hour.
#[expect(clippy::disallowed_methods, reason = "a test is told how much it may look at")]
fn step() -> usize {
    std::env::var("IMP_TEST_EVERY").ok().and_then(|text| text.parse().ok()).unwrap_or(80)
}

#[test]
fn good_photographs_get_few_hints_and_bad_ones_theirs() {
    let Some(folder) = folder("lfw-dev") else { return };
    let mut told: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let (mut shut, mut pairs) = (0, 0);
    let mut count = |column: &str, hint: Option<Hint>| {
        let hint = hint.map_or("none".to_owned(), |hint| format!("{hint:?}"));
        *told.entry(column.to_owned()).or_default().entry(hint).or_default() += 1;
    };
    for path in photographs(&folder, step()) {
        let Ok(image) = Image::open(&path) else { continue };
        let Ok((face, good)) = engine().look(&image).unwrap() else {
            count("no face", None);
            continue;
        };
        // These photographs are small: what they lack in pixels is not counted.
        let large = |quality: Quality| Quality { eye_distance: 100.0, ..quality };
        count("as it is", large(good).hint());
        count("weak as a reference", large(good).weakness());
        for fault in Fault::ALL {
            let (hint, quality) = seen(&fault.of(&image, &face));
            let hint =
                quality.map_or(hint, |q| if fault == Fault::Small { q } else { large(q) }.hint());
            count(&format!("{fault:?}"), hint);
            if fault == Fault::EyesShut {
                pairs += 1;
                shut += usize::from(quality.is_some_and(|q| q.eyes_are_shut_beside([&good])));
            }
        }
    }
    for (column, hints) in &told {
        println!("{column}: {hints:?}");
    }
    println!("shut eyes seen beside open ones: {shut} of {pairs}");
    let good = &told["as it is"];
    let all: usize = good.values().sum();
    assert!(good["none"] * 10 > all * 8, "{good:?}");
    let of = |fault: &str, hint: &str| told[fault].get(hint).copied().unwrap_or_default();
    for (fault, hint) in [("Blurred", "HoldStill"), ("DarkGlasses", "UncoverEyes")] {
        assert!(of(fault, hint) * 10 > all * 6, "{fault}: {:?}", told[fault]);
    }
}
