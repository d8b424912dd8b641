//! Protected templates decide as unprotected ones do.
use imp_biometrics::{
    CompareError, Embedding, Outcome, PIPELINE, ProtectedTemplate, Template, TemplateKey,
};

use crate::engine::{engine, enrolled, photograph};

fn key(seed: u8) -> TemplateKey {
    TemplateKey::from(&[seed; 32])
}

fn stored(template: &Template, key: &TemplateKey) -> ProtectedTemplate {
    ProtectedTemplate::from_bytes(&template.protect(key).to_bytes()).unwrap()
}

#[test]
fn a_protected_template_decides_as_the_template_does() {
    let template = enrolled(&["obama.jpg"]);
    let protected = stored(&template, &key(1));
    for name in ["obama2.jpg", "biden.jpg"] {
        let capture = engine().capture(&[photograph(name)]).unwrap();
        let fresh = engine().compare(&capture, &template).unwrap();
        let found = engine().compare_protected(&capture, &protected, &key(1)).unwrap();
        assert_eq!(fresh.outcome, found.outcome);
        assert!((fresh.similarity - found.similarity).abs() < 1e-4);
    }
}

#[test]
fn another_key_is_a_non_match_and_no_error() {
    let template = enrolled(&["obama.jpg"]);
    let protected = stored(&template, &key(1));
    let capture = engine().capture(&[photograph("obama2.jpg")]).unwrap();
    let found = engine().compare_protected(&capture, &protected, &key(2)).unwrap();
    assert_eq!(found.outcome, Outcome::NonMatch);
    assert!(found.similarity < found.threshold);
}

#[test]
fn two_enrolments_of_one_person_do_not_match_without_their_keys() {
    let template = enrolled(&["obama.jpg"]);
    let [first, second] = [1, 2].map(|seed| stored(&template, &key(seed)));
    // As whoever has both, and no key of theirs, would compare them.
    let as_stored = |template: &ProtectedTemplate| template.open(&key(9)).bare().cloned().unwrap();
    let similarity = Embedding::similarity(&as_stored(&first), &as_stored(&second));
    assert!(similarity.abs() < 0.42, "{similarity}");
}

#[test]
fn a_template_of_another_model_set_or_pipeline_says_to_enrol_again() {
    let template = enrolled(&["obama.jpg"]);
    let capture = engine().capture(&[photograph("obama.jpg")]).unwrap();
    let bytes = template.protect(&key(1)).to_bytes();
    let name = usize::from(bytes[4]);
    let compared = |place: usize, value: u8| {
        let mut altered = bytes.to_vec();
        altered[place] = value;
        let template = ProtectedTemplate::from_bytes(&altered).unwrap();
        engine().compare_protected(&capture, &template, &key(1)).unwrap_err()
    };
    let other_set = compared(4 + name, b'~');
    assert!(matches!(other_set, CompareError::ModelSet { .. }), "{other_set}");
    let other_pipeline = compared(5 + name, 0xFF);
    let reference = PIPELINE | 0xFF00_0000;
    assert_eq!(other_pipeline, CompareError::Pipeline { reference });
    assert!(other_pipeline.to_string().contains("enrol again"));
}
