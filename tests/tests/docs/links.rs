//! Every page is in the table of contents, and every link leads somewhere.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use imp_tests::source_tree::{files, root, shown};

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in targets(&text) {
            links += 1;
            if let Err(why) = resolve(&page, &target) {
                panic!("{}: ({target}): {why}", shown(&page));
            }
        }
    }
    assert!(links > 50, "only {links} links were found: the search is broken");
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let summary = root().join("docs/SUMMARY.md");
    let listed: BTreeSet<PathBuf> = targets(&std::fs::read_to_string(&summary).unwrap())
        .iter()
        .map(|target| root().join("docs").join(target))
        .collect();
    for page in pages().filter(|page| page.starts_with(root().join("docs")) && *page != summary) {
        assert!(listed.contains(&page), "{} is not in docs/SUMMARY.md", shown(&page));
    }
}

#[test]
fn anchors_are_made_as_mdbook_makes_them() {
    assert_eq!(anchor("What an attacker tries"), "what-an-attacker-tries");
    assert_eq!(anchor("`make demo`, and then?"), "make-demo-and-then");
    assert_eq!(targets("[a](b.md) `[c](d)` [e](f.md#g)\n```\n[h](i)\n```"), ["b.md", "f.md#g"]);
}

fn pages() -> impl Iterator<Item = PathBuf> {
    files(".").into_iter().filter(|path| path.extension().is_some_and(|e| e == "md"))
}

/// The targets of Markdown's inline links, outside of code.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        for part in prose.split("](").skip(1) {
            if let Some((target, _)) = part.split_once(')') {
                found.push(target.to_owned());
            }
        }
    }
    found
}

fn resolve(page: &Path, target: &str) -> Result<(), String> {
    if target.starts_with("https://") {
        return Ok(());
    }
    let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { page.to_path_buf() } else { page.parent().unwrap().join(file) };
    if !path.exists() {
        return Err("no such file".to_owned());
    }
    if fragment.is_empty() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&path).map_err(|e| e.to_string())?;
    let headings = text.lines().filter(|line| line.starts_with('#'));
    if headings.map(|line| anchor(line.trim_start_matches('#').trim())).any(|h| h == fragment) {
        Ok(())
    } else {
        Err(format!("no heading #{fragment}"))
    }
}

fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}
