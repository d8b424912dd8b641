//! The generated Swift. No compiler of Swift runs on Debian 12 out of its archive, so this is syntax alone: `docs/phones.md` says so.
use std::fs;
use std::process::Command;

use imp_tests::{process, python};

use super::kotlin::generate;

#[test]
fn the_generated_swift_and_its_header_are_well_formed() {
    let folder = tempfile::tempdir().expect("a folder");
    generate("swift", folder.path());
    let swift = fs::read(folder.path().join("ImpPhone.swift")).expect("the source");
    let verdict = python::script("swift.py", &[], &swift).expect("tests/setup/python.sh");
    assert!(verdict.accepted, "{}", verdict.said);
    // The grammar would notice.
    let broken = String::from_utf8(swift).expect("text").replacen("func bind(", "func (", 1);
    let verdict = python::script("swift.py", &[], broken.as_bytes()).expect("a verdict");
    assert!(!verdict.accepted, "a function without a name");

    let mut clang = Command::new("clang");
    clang.args(["-fsyntax-only", "-Werror", "-Wno-nullability-extension", "-x", "c"]);
    clang.args(["-Wno-pragma-once-outside-header", "-Wno-strict-prototypes"]);
    let checked = process::run(clang.arg(folder.path().join("ImpPhoneFFI.h"))).expect("clang");
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}
