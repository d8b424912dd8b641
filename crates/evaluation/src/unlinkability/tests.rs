use super::*;

/// Numbers from 0 to 1 without a pattern that matters (Weyl's sequence).
fn uniform(count: u32, start: f64) -> impl Iterator<Item = f64> {
    (0..count).map(move |i| (start + f64::from(i) * 0.618_033_988_749_895).fract())
}

#[test]
fn scores_of_one_distribution_link_nothing() {
    let mated: Vec<f64> = uniform(10_000, 0.1).collect();
    let non_mated: Vec<f64> = uniform(50_000, 0.7).collect();
    let found = Unlinkability::of(&mated, &non_mated).unwrap();
    assert!(found.global < 0.01, "{}", found.global);
    assert_eq!(found.local.len(), 100);
}

#[test]
fn scores_apart_link_everything() {
    let mated: Vec<f64> = uniform(1000, 0.1).map(|s| s + 2.0).collect();
    let non_mated: Vec<f64> = uniform(1000, 0.3).collect();
    assert!((Unlinkability::of(&mated, &non_mated).unwrap().global - 1.0).abs() < 1e-9);
}

/// Mated scores uniform from 0 to 1, non-mated from −1 to 1: LR is 2 wherever mated scores are, so D is 1/3.
#[test]
fn a_likelihood_ratio_of_two_is_a_third() {
    let mated: Vec<f64> = uniform(50_000, 0.1).collect();
    let non_mated: Vec<f64> = uniform(50_000, 0.3).map(|s| 2.0 * s - 1.0).collect();
    let found = Unlinkability::of(&mated, &non_mated).unwrap();
    assert!((found.global - 1.0 / 3.0).abs() < 0.02, "{}", found.global);
    for bin in found.local.iter().filter(|bin| bin.score < -0.02) {
        assert!(bin.linkability.abs() < f64::EPSILON);
    }
}

#[test]
fn a_score_that_never_changes_links_nothing() {
    let found = Unlinkability::of(&[0.5; 200], &[0.5; 200]).unwrap();
    assert!(found.global.abs() < 1e-9);
}

#[test]
fn too_few_and_endless_scores_are_refused() {
    let few = Unlinkability::of(&[0.0; 99], &[0.0; 200]).unwrap_err();
    assert_eq!(few, UnlinkabilityError::TooFew { mated: 99, non_mated: 200 });
    let mut scores = vec![0.5; 200];
    scores[7] = f64::NAN;
    assert_eq!(Unlinkability::of(&scores, &[0.5; 200]), Err(UnlinkabilityError::NotFinite));
}

/// Two enrolments of each of many people, from different photographs, as the phones of two hospitals would keep them.
mod templates {
    use std::num::NonZeroUsize;
    use std::path::{Path, PathBuf};

    use imp_biometrics::{Engine, Image, Template, TemplateKey};
    use imp_models::ModelStore;

    use super::*;

    /// People, and keys of each of their enrolments.
    const PEOPLE: usize = 100;
    const KEYS: usize = 20;
    /// Numbers of an embedding.
    const DIMENSIONS: usize = 128;
    /// Bytes of a stored part: that there is one, photographs, spread, numbers.
    const PART: usize = 1 + 2 + 2 + 2 * DIMENSIONS;
    /// What two other sets of strangers may differ by chance more than those of one person do.
    const CHANCE: f64 = 0.03;

    /// The stored numbers of the bare and the masked part.
    type Stored = [Vec<f64>; 2];

    #[expect(clippy::disallowed_methods, reason = "a test is told where the photographs are")]
    fn photographs() -> Option<Vec<[PathBuf; 2]>> {
        let Ok(data) = std::env::var("IMP_TEST_DATA") else {
            println!("skipped: IMP_TEST_DATA is not set");
            return None;
        };
        let sorted = |folder: &Path| {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            let mut paths: Vec<PathBuf> = entries.collect();
            paths.sort();
            paths
        };
        let people = sorted(&Path::new(&data).join("faces/lfw-dev"));
        let pair = |person: &PathBuf| sorted(person).first_chunk().cloned();
        Some(people.iter().filter_map(pair).collect())
    }

    fn enrolments() -> Option<Vec<[Template; 2]>> {
        let photographs = photographs()?;
        let store = ModelStore::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models"));
        let engine =
            Engine::load_uncalibrated(&store.unwrap(), NonZeroUsize::new(2).unwrap()).unwrap();
        let enrol = |path: &PathBuf| engine.enrol(&[Image::open(path).unwrap()]).ok();
        let both = |pair: &[PathBuf; 2]| Some([enrol(&pair[0])?, enrol(&pair[1])?]);
        let half = |start: usize| {
            let pairs = photographs.iter().skip(start).step_by(2);
            pairs.filter_map(both).take(PEOPLE / 2).collect::<Vec<_>>()
        };
        let (mut enrolments, others) = std::thread::scope(|scope| {
            let others = scope.spawn(|| half(1));
            (half(0), others.join().unwrap())
        });
        enrolments.extend(others);
        Some(enrolments)
    }

    /// As a thief reads it out of the bytes.
    fn stored(template: &Template, seed: usize) -> Stored {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&(seed as u64).to_be_bytes());
        let bytes = template.protect(&TemplateKey::from(&key)).to_bytes();
        let parts = &bytes[bytes.len() - 2 * PART..];
        let part = |index: usize| {
            let part = &parts[(index + 1) * PART - 2 * DIMENSIONS..(index + 1) * PART];
            part.as_chunks::<2>().0.iter().map(|c| f64::from(i16::from_be_bytes(*c))).collect()
        };
        [part(0), part(1)]
    }

    fn clear(template: &Template) -> Stored {
        [template.bare(), template.masked()]
            .map(|part| part.unwrap().values().iter().map(|v| f64::from(*v)).collect())
    }

    fn cosine(a: &[f64], b: &[f64]) -> f64 {
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        product(a, b) / (product(a, a) * product(b, b)).sqrt()
    }

    /// How alike the bare parts are.
    fn alike(a: &Stored, b: &Stored) -> f64 {
        cosine(&a[0], &b[0])
    }

    /// How alike the angles between the parts of each are: what one map for both parts would keep.
    fn alike_within(a: &Stored, b: &Stored) -> f64 {
        -(cosine(&a[0], &a[1]) - cosine(&b[0], &b[1])).abs()
    }

    /// The largest of all that can be compared, sign or not.
    fn alike_anyhow(a: &Stored, b: &Stored) -> f64 {
        let pairs = [(0, 0), (0, 1), (1, 0), (1, 1)];
        pairs.into_iter().map(|(i, j)| cosine(&a[i], &b[j]).abs()).fold(0.0, f64::max)
    }

    /// Scores of each first enrolment with the second of the same person, and with those of two other people.
    fn scores(people: &[[Vec<Stored>; 2]], score: fn(&Stored, &Stored) -> f64) -> [Vec<f64>; 3] {
        let mut scores = [vec![], vec![], vec![]];
        for (index, [first, _]) in people.iter().enumerate() {
            for (scores, offset) in scores.iter_mut().zip([0, 1, 7]) {
                let [_, second] = &people[(index + offset) % people.len()];
                scores.extend(first.iter().zip(second).map(|(a, b)| score(a, b)));
            }
        }
        scores
    }

    #[test]
    fn two_enrolments_of_one_person_cannot_be_linked_without_their_keys() {
        let Some(enrolments) = enrolments() else { return };
        assert_eq!(enrolments.len(), PEOPLE);
        let protected: Vec<_> = enrolments
            .iter()
            .enumerate()
            .map(|(person, pair)| {
                let seed = |which: usize| (person * 2 + which) * KEYS;
                [0, 1].map(|which| {
                    (0..KEYS).map(|k| stored(&pair[which], seed(which) + k)).collect::<Vec<_>>()
                })
            })
            .collect();
        let unprotected: Vec<_> =
            enrolments.iter().map(|pair| [0, 1].map(|which| vec![clear(&pair[which])])).collect();
        let measure = |people: &[[Vec<Stored>; 2]], score| {
            let [mated, strangers, others] = scores(people, score);
            let found = Unlinkability::of(&mated, &strangers).unwrap().global;
            (found, Unlinkability::of(&others, &strangers).unwrap().global)
        };
        for (name, score) in [
            ("cosine of the bare parts", alike as fn(&Stored, &Stored) -> f64),
            ("angle between the parts of each", alike_within),
            ("largest cosine of any parts", alike_anyhow),
        ] {
            let (before, _) = measure(&unprotected, score);
            let (after, chance) = measure(&protected, score);
            println!(
                "D_sys of {name}: {before:.3} unprotected, {after:.3} protected, {chance:.3} by chance"
            );
            assert!(after < chance + CHANCE, "{name}: {after}, by chance {chance}");
        }
        let (before, _) = measure(&unprotected, alike);
        assert!(before > 0.9, "without the transform they can be linked: {before}");
    }
}
