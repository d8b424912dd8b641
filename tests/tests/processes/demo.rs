//! `make demo` itself.
use imp_tests::process::{self, Running};
use std::process::Command;
use std::time::Duration;

#[test]
fn the_demo_runs_to_the_end_and_meets_every_expectation() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(process::binary("imp-demo"));
    command.arg(folder.path());
    let mut demo = Running::start("imp-demo", &mut command).expect("the demo starts");
    let status = demo.ended(Duration::from_mins(5)).expect("the demo ends by itself");
    let said = demo.said();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(!said.contains('✗'), "{said}");
    for reason in [
        "comparison-failed",
        "phone-untrusted",
        "challenge-used",
        "reference-mismatch",
        "user-disabled",
    ] {
        assert!(said.contains(reason), "{reason}:\n{said}");
    }
    for told in ["with a mask on", "events", "of your own"] {
        assert!(said.contains(told), "{told}:\n{said}");
    }
}
