//! Photographs that may not be part of this repository; skipped without them.
use std::path::{Path, PathBuf};

use imp_biometrics::{Image, Measured, ProtectedTemplate, TemplateKey};

use crate::engine::engine;

/// The folder with research photographs, if there is one.
#[expect(clippy::disallowed_methods, reason = "a test is told where the photographs are")]
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
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

/// Every picture of a folder with the stem of its name, in the order of names.
pub(crate) fn named_pictures(folder: &Path) -> Vec<(String, Image)> {
    let named = |path: PathBuf| {
        let name = path.file_stem()?.to_string_lossy().into_owned();
        Some((name, Image::open(&path).ok()?))
    };
    sorted(folder).into_iter().filter_map(named).collect()
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

/// Two photographs of each of `count` people.
fn pairs(count: usize) -> Option<Vec<[Measured; 2]>> {
    let people = sorted(&folder("lfw-dev")?);
    let measured = |path: &PathBuf| engine().measure(&Image::open(path).unwrap()).unwrap().ok();
    let pair = |person: &PathBuf| {
        let [first, second] = sorted(person).first_chunk().cloned()?;
        Some([measured(&first)?, measured(&second)?])
    };
    let half = |start: usize| {
        let people = people.iter().skip(start).step_by(2);
        people.filter_map(pair).take(count / 2).collect::<Vec<_>>()
    };
    let (mut pairs, others) = std::thread::scope(|scope| {
        let others = scope.spawn(|| half(1));
        (half(0), others.join().unwrap())
    });
    pairs.extend(others);
    Some(pairs)
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.collect();
    paths.sort();
    paths
}

/// `values` in steps of `step`, or, without one, with the 11 significant bits of binary16.
fn coarse(values: &[f32], step: Option<f32>) -> Vec<f32> {
    let rounded = |value: &f32| match step {
        Some(step) => (value / step).round() * step,
        None => f32::from_bits((value.to_bits() + 0x1000) & !0x1FFF),
    };
    values.iter().map(rounded).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

/// ISO/IEC 24745 asks that protection does not cost recognition: every decision stays, at every threshold that matters.
#[test]
fn protecting_templates_changes_no_decision() {
    let Some(pairs) = pairs(100) else { return };
    assert_eq!(pairs.len(), 100);
    let references: Vec<_> = pairs
        .iter()
        .zip(0u8..)
        .map(|([first, _], seed)| {
            let template = engine().template(&[first]).unwrap();
            let key = TemplateKey::from(&[seed; 32]);
            let stored = ProtectedTemplate::from_bytes(&template.protect(&key).to_bytes()).unwrap();
            let plain = template.bare().unwrap().values().to_vec();
            let largest = plain.iter().fold(0f32, |largest, v| largest.max(v.abs()));
            let (half, byte) = (coarse(&plain, None), coarse(&plain, Some(largest / 127.0)));
            (template, stored.open(&key), [plain, half, byte])
        })
        .collect();
    let mut compared = 0;
    let mut changed = [0; 3];
    let mut largest = [0f32; 3];
    for (template, opened, [plain, half, byte]) in &references {
        for [_, second] in &pairs {
            let capture = engine().capture_of(&[second]).unwrap();
            let [before, after] =
                [template, opened].map(|template| engine().compare(&capture, template).unwrap());
            assert_eq!(before.outcome, after.outcome);
            let probe = second.embedding().values();
            let exact = cosine(plain, probe);
            for (index, (before, after)) in [
                (before.similarity, after.similarity),
                (exact, cosine(half, probe)),
                (exact, cosine(byte, probe)),
            ]
            .into_iter()
            .enumerate()
            {
                largest[index] = largest[index].max((before - after).abs());
                // Thresholds as they are written, with two digits, from that of any comparison to that of 1 in 100,000.
                changed[index] += (20u8..70)
                    .map(|percent| f32::from(percent) / 100.0)
                    .filter(|limit| (before >= *limit) != (after >= *limit))
                    .count();
            }
            compared += 1;
        }
    }
    println!(
        "{compared} comparisons, 50 thresholds each; as stored (16 bits), as binary16, as 8 bits:"
    );
    println!("largest change of a similarity: {largest:.7?}; decisions that change: {changed:?}");
    assert!(largest[0] < 1e-4, "{largest:?}");
    assert_eq!(changed[0], 0);
}
