//! The table of ASVS 5.0.0: every requirement of five chapters has its row, and what shows it exists.
use std::collections::BTreeMap;

use imp_tests::source_tree::root;

/// How many requirements each section of the standard has.
const SECTIONS: &[(&str, usize)] = &[
    ("6.1", 3),
    ("6.2", 12),
    ("6.3", 8),
    ("6.4", 6),
    ("6.5", 8),
    ("6.6", 4),
    ("6.7", 2),
    ("6.8", 4),
    ("7.1", 3),
    ("7.2", 4),
    ("7.3", 2),
    ("7.4", 5),
    ("7.5", 3),
    ("7.6", 2),
    ("8.1", 4),
    ("8.2", 4),
    ("8.3", 3),
    ("8.4", 2),
    ("9.1", 3),
    ("9.2", 4),
    ("10.1", 2),
    ("10.2", 3),
    ("10.3", 5),
    ("10.4", 16),
    ("10.5", 5),
    ("10.6", 2),
    ("10.7", 3),
];

struct Row {
    status: String,
    how: String,
    tests: Vec<String>,
}

fn rows() -> BTreeMap<String, Row> {
    let page = std::fs::read_to_string(root().join("docs/asvs.md")).unwrap();
    let mut rows = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| ") && line.contains('.')) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, _, status, how, tests] = cells.as_slice() else { panic!("{line}") };
        let tests = tests.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect();
        let row = Row { status: (*status).to_owned(), how: (*how).to_owned(), tests };
        assert!(rows.insert((*id).to_owned(), row).is_none(), "{id} is there twice");
    }
    rows
}

#[test]
fn every_requirement_of_the_five_chapters_has_its_row() {
    let mut rows = rows();
    for (section, count) in SECTIONS {
        for number in 1..=*count {
            let id = format!("{section}.{number}");
            let row = rows.remove(&id).unwrap_or_else(|| panic!("docs/asvs.md lacks {id}"));
            match row.status.as_str() {
                "Met" => assert!(!row.tests.is_empty(), "{id} is shown by nothing"),
                "Documented" => assert!(row.how.contains(".md"), "{id} names no page"),
                "Not applicable" | "NOT MET" => assert!(row.how.len() > 4, "{id} says not why"),
                other => panic!("{id}: {other}"),
            }
        }
    }
    assert!(rows.is_empty(), "the standard has no {:?}", rows.keys());
}

#[test]
fn every_test_that_the_table_names_exists() {
    let mut named = 0;
    for (id, row) in rows() {
        for test in row.tests {
            let (path, name) = test.split_once("::").unwrap_or_else(|| panic!("{id}: {test}"));
            let text = std::fs::read_to_string(root().join(path));
            let text = text.unwrap_or_else(|error| panic!("{id}: {path}: {error}"));
            let place = text.find(&format!("fn {name}()"));
            let place = place.unwrap_or_else(|| panic!("{id}: {path} has no {name}"));
            let (before, _) = text.split_at(place);
            let attributes = before.rsplit("\n\n").next().unwrap_or_default();
            assert!(attributes.contains("test"), "{id}: {name} is not a test: {attributes}");
            named += 1;
        }
    }
    assert!(named > 100, "only {named} tests are named");
}
