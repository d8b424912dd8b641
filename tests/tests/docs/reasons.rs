//! The page of reasons has every reason, with the sentence that people see.
use imp_identity::refusal::{Abandonment, Refusal};
use imp_tests::source_tree::root;

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
