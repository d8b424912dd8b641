//! Emulators stay out of what hospitals run.
use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Package};
use imp_tests::source_tree;

use super::dependencies::metadata;

#[test]
fn no_default_feature_brings_an_emulator() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        if package.name.as_str() == "imp-tests" {
            continue;
        }
        let on = switched_on(package, "default");
        assert!(!on.contains("emulator"), "{}: default features: {on:?}", package.name);
        for used in &package.dependencies {
            let brings = used.features.iter().any(|f| f == "emulator");
            assert!(
                !brings || used.kind == DependencyKind::Development,
                "{} always enables the emulator of {}",
                package.name,
                used.name
            );
        }
    }
}

#[test]
fn the_workspace_builds_without_the_tests_package_by_default() {
    let metadata = metadata();
    let default: Vec<&str> =
        metadata.workspace_default_packages().iter().map(|p| p.name.as_str()).collect();
    assert!(!default.contains(&"imp-tests"), "`cargo build --release` would enable emulators");
    assert!(default.contains(&"imp-server") && default.contains(&"imp-client"));
}

#[test]
fn a_release_build_with_emulators_does_not_compile() {
    let metadata = metadata();
    let mut guarded = 0;
    for package in metadata.workspace_packages() {
        if package.name.as_str() == "imp-tests" || !package.features.contains_key("emulator") {
            continue;
        }
        // A package whose `emulator` only switches on that of another is guarded there.
        let forwards = package.features["emulator"].iter().any(|f| f.contains("imp-hardware"));
        let folder = package.manifest_path.parent().unwrap();
        let library = std::fs::read_to_string(folder.join("src/lib.rs")).unwrap();
        let squeezed: String = library.split_whitespace().collect();
        let guard = "#[cfg(all(feature=\"emulator\",not(debug_assertions)))]compile_error!(";
        assert!(squeezed.contains(guard) || forwards, "{} has no guard", package.name);
        guarded += u32::from(squeezed.contains(guard));
    }
    assert!(guarded > 0, "no package has the guard: {}", source_tree::root().display());
}

fn switched_on<'a>(package: &'a Package, feature: &'a str) -> BTreeSet<&'a str> {
    let mut on = BTreeSet::new();
    let mut open = vec![feature];
    while let Some(feature) = open.pop() {
        if on.insert(feature) {
            let implied = package.features.get(feature).into_iter().flatten();
            open.extend(implied.map(|f| f.rsplit('/').next().unwrap_or(f)));
        }
    }
    on
}
