//! Somebody else's certification paths, put to every verifier that we have: whatever differs is named, with the reason.
mod differences;
mod limbo;
mod verifiers;

use std::collections::BTreeMap;

use limbo::{Case, cases};
use verifiers::{VERIFIERS, Verifier};

#[test]
fn the_suite_is_the_one_that_its_page_describes() {
    let page = imp_tests::source_tree::root().join("tests/data/x509-limbo/README.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&limbo::digest()), "the file's digest is {}", limbo::digest());
    let cases = cases();
    assert!(page.contains(&format!("holds {} cases", cases.len())), "{} cases", cases.len());
    assert!(cases.iter().filter(|case| case.good).count() > 50);
}

#[test]
fn every_verifier_judges_every_path_as_the_suite_does_or_as_is_explained() {
    let cases = cases();
    let mut wrong = Vec::new();
    for verifier in VERIFIERS {
        let asked = cases.iter().filter(|case| (verifier.is_asked)(case));
        let found: BTreeMap<&str, String> =
            asked.filter_map(|case| difference(verifier, case)).collect();
        let explained: BTreeMap<&str, &str> = verifier
            .differences
            .iter()
            .flat_map(|it| it.cases.iter().map(|case| (*case, it.why)))
            .collect();
        for (case, said) in found.iter().filter(|(case, _)| !explained.contains_key(*case)) {
            wrong.push(format!("{}: {case}: {said}", verifier.name));
        }
        for (case, why) in explained.iter().filter(|(case, _)| !found.contains_key(*case)) {
            wrong.push(format!("{}: {case} does not differ any more: {why}", verifier.name));
        }
    }
    assert!(wrong.is_empty(), "{} verdicts:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_verifier_is_asked_enough() {
    let cases = cases();
    for verifier in VERIFIERS {
        let asked: Vec<_> = cases.iter().filter(|case| (verifier.is_asked)(case)).collect();
        let good = asked.iter().filter(|case| case.good).count();
        let found = (asked.len(), good);
        assert_eq!(found, verifier.asked, "{}: all, good", verifier.name);
    }
}

/// What the verifier says of a case that the suite judges otherwise.
fn difference<'a>(verifier: &Verifier, case: &'a Case) -> Option<(&'a str, String)> {
    let verdict = (verifier.judge)(case);
    (verdict.is_ok() != case.good).then(|| {
        let said = match verdict {
            Ok(()) => "accepts it".to_owned(),
            Err(reason) => format!("refuses it: {reason}"),
        };
        (case.id.as_str(), said)
    })
}
