//! Photographs that may not be part of this repository; skipped without them.
use std::path::{Path, PathBuf};

use imp_biometrics::Image;

use crate::engine::engine;

/// The folder with research photographs, if there is one.
#[expect(clippy::disallowed_methods, reason = "a test is told where the photographs are")]
fn folder(name: &str) -> Option<PathBuf> {
    let Ok(data) = std::env::var("IMP_TEST_DATA") else {
        println!("skipped: IMP_TEST_DATA is not set");
        return None;
    };
    Some(Path::new(&data).join("faces").join(name))
}

fn pictures(folder: &Path, every: usize) -> Vec<Image> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().skip(3).step_by(every).filter_map(|path| Image::open(path).ok()).collect()
}

#[test]
fn real_masks_are_told_from_bare_faces() {
    let Some(folder) = folder("mask-crops") else { return };
    for (kind, worn) in [("with_mask", true), ("without_mask", false)] {
        let (mut wrong, mut count) = (0, 0);
        // Every fourth, from the fourth on: those were held out from training.
        for picture in pictures(&folder.join(kind), 4) {
            if let Some(face) = engine().inspect(&picture).unwrap().faces.first() {
                count += 1;
                wrong += usize::from(face.mask_worn != worn);
            }
        }
        println!("{kind}: {wrong} of {count} wrong");
        assert!(count > 60 && wrong * 20 <= count, "{kind}: {wrong} of {count}");
    }
}

#[test]
fn sample_attacks_are_told_from_a_living_face() {
    let Some(folder) = folder("spoof-samples") else { return };
    for (name, living) in [("image_T1.jpg", true), ("image_F1.jpg", false), ("image_F2.jpg", false)]
    {
        let capture = engine().capture(&[Image::open(&folder.join(name)).unwrap()]).unwrap();
        let bona_fide = capture.attack_score() >= engine().thresholds().attack;
        assert_eq!(bona_fide, living, "{name}: {}", capture.attack_score());
    }
}
