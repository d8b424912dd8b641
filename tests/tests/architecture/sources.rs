//! The shape of the source files.
use std::path::Path;

use imp_tests::source_tree::{files, shown};

const LONGEST: usize = 600;
const SHAPELESS_FILES: &[&str] = &[
    "util", "utils", "common", "helper", "helpers", "prelude", "misc", "types", "mocks",
    "handlers", "manager", "domain",
];
const SHAPELESS_ENDINGS: &[&str] = &["Manager", "Info", "Data", "Helper", "Helpers", "Utils"];

#[test]
fn no_file_is_longer_than_six_hundred_lines_without_its_tests() {
    let tests = ["tests", "benches", "fuzz"];
    let is_test = |path: &Path| {
        path.file_stem().is_some_and(|stem| stem == "tests")
            || path.parent().is_some_and(|p| p.iter().any(|part| tests.iter().any(|t| part == *t)))
    };
    // The tests' own library is held to the limit too.
    let own = files("tests/src");
    for path in rust_files().filter(|path| !is_test(path)).chain(own) {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        assert!(lines <= LONGEST, "{}: {lines} lines", shown(&path));
    }
}

#[test]
fn names_say_what_they_name() {
    for path in rust_files() {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let folder = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        for name in [&stem, &folder] {
            assert!(!SHAPELESS_FILES.contains(&name.as_str()), "{}", shown(&path));
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            for pair in words.windows(2) {
                let [keyword, name] = pair else { continue };
                let shapeless = match *keyword {
                    "struct" | "enum" | "trait" => {
                        SHAPELESS_ENDINGS.iter().any(|ending| name.ends_with(ending))
                    }
                    "fn" => name.starts_with("get_"),
                    _ => false,
                };
                assert!(!shapeless, "{}: `{keyword} {name}`", shown(&path));
            }
        }
    }
}

#[test]
fn no_two_schemas_of_the_contract_share_a_name() {
    let mut seen = std::collections::BTreeMap::new();
    for path in files("crates/api/src") {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if !(line.starts_with("#[derive(") && line.contains("ToSchema")) {
                continue;
            }
            let mut renamed = None;
            for line in lines.by_ref() {
                if let Some((_, name)) = line.split_once("schema(as = ") {
                    renamed = name.split([')', ',']).next();
                }
                let Some(declared) =
                    ["pub struct ", "pub enum "].iter().find_map(|k| line.strip_prefix(k))
                else {
                    continue;
                };
                let declared = declared.split(|c: char| !c.is_alphanumeric()).next();
                let name = renamed.or(declared).unwrap().to_owned();
                if let Some(first) = seen.insert(name.clone(), shown(&path)) {
                    panic!("`{name}` is a schema of {first} and of {}", shown(&path));
                }
                break;
            }
        }
    }
    assert!(seen.contains_key("MachineCredentials") && seen.len() > 100, "{}", seen.len());
}

#[test]
fn the_project_knows_nothing_of_the_place_where_it_is_built() {
    let places = [
        concat!("..", "/shared"),
        concat!("/wo", "rk/"),
        concat!(".lib", "rary"),
        concat!("bash", "_jobs"),
        concat!("/ro", "ot/"),
    ];
    for path in files(".") {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let continuous_integration = shown(&path) == ".ci/run";
        for place in places {
            let known = text.contains(place) && !continuous_integration;
            assert!(!known, "{} mentions {place}", shown(&path));
        }
    }
}

fn rust_files() -> impl Iterator<Item = std::path::PathBuf> {
    let ours = ["crates", "hardware", "models", "imp-server", "imp-client", "tests"];
    ours.into_iter()
        .flat_map(files)
        .filter(|path| path.extension() == Some(Path::new("rs").as_os_str()))
}
