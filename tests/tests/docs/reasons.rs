//! The page of reasons has every reason, with the sentence that people see.
use imp_identity::refusal::{Abandonment, Refusal};
use imp_tests::source_tree::{files, root};

#[test]
fn every_reason_is_documented_with_its_sentence() {
    let page = std::fs::read_to_string(root().join("docs/reference/reasons.md")).unwrap();
    let refusals = Refusal::ALL.iter().map(|reason| (reason.code(), reason.explain()));
    let abandonments = Abandonment::ALL.iter().map(|reason| (reason.code(), reason.explain()));
    for (code, sentence) in refusals.chain(abandonments) {
        let row = format!("| `{code}` | {sentence} |");
        assert!(page.contains(&row), "docs/reference/reasons.md lacks: {row}");
    }
}

#[test]
fn every_test_that_the_tap_page_names_exists() {
    let page = std::fs::read_to_string(root().join("docs/tap.md")).unwrap();
    let names = page.split('`').skip(1).step_by(2).filter(|code| code.matches('_').count() > 2);
    let tests: Vec<String> = files("tests/tests/journeys")
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let mut found = 0;
    for name in names {
        let function = format!("fn {name}()");
        assert!(tests.iter().any(|text| text.contains(&function)), "no test is called {name}");
        found += 1;
    }
    assert!(found >= 10, "only {found} names were found");
}
