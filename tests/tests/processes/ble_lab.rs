//! The tap over a real Bluetooth stack: `tests/ble-lab`, with the programs that this test was built with.
use imp_tests::process::{self, Running};
use imp_tests::source_tree;
use std::process::Command;
use std::time::Duration;

/// Longer than the lab gives itself.
const PATIENCE: Duration = Duration::from_mins(14);

#[test]
fn she_taps_in_and_out_over_a_real_bluetooth_stack() {
    let programs = process::binary("imp-client");
    let mut command = Command::new(source_tree::root().join("tests/ble-lab/run.sh"));
    command.args(["link", "tap"]).env("LAB_BIN", programs.parent().expect("a folder of programs"));
    command.env("LAB_SECONDS", "780");
    let mut lab = Running::start("the lab", &mut command).expect("the lab starts");
    let ended = lab.ended(PATIENCE);
    let said = lab.said();
    let status = ended.expect("the lab ends by itself");
    assert_eq!(status.code(), Some(0), "{said}");
    for told in [
        "bluetoothd is killed and started again, and they meet again",
        "she taps in, with a mask on",
        "ble-connect",
        "she taps out",
        "pieces of certificates and keys is in them",
    ] {
        assert!(said.contains(told), "{told}:\n{said}");
    }
}
