//! The environment itself.
use imp_tests::python;

#[test]
fn every_foreign_package_is_there_in_its_pinned_version() {
    let verdict = python::script("environment.py", &[], b"hello").unwrap();
    assert!(verdict.accepted, "run tests/setup/python.sh; wrong are:\n{}", verdict.said);
}

#[test]
fn a_script_that_rejects_is_told_from_one_that_fails() {
    assert!(!python::script("environment.py", &[], b"goodbye").unwrap().accepted);
    let broken = python::script("no-such-script.py", &[], b"").unwrap_err();
    assert!(matches!(broken, python::PythonError::Broken { .. }), "{broken}");
}
