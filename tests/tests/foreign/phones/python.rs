//! The phone in Python, an implementation of its own that uses none of our code: `tests/foreign/phone`.
use std::ffi::OsString;

use imp_tests::demo::Narrator;
use imp_tests::{python, source_tree};

use super::attacker;
use super::life::{Ward, lives};

fn phone() -> Vec<OsString> {
    let interpreter = python::interpreter().expect("tests/setup/python.sh makes it");
    let program = source_tree::root().join("tests/foreign/phone/phone.py");
    vec![interpreter.into(), "-E".into(), "-s".into(), "-B".into(), program.into()]
}

#[test]
fn a_phone_without_our_code_lives() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut ward = Ward::open(folder.path(), &narrator, phone());
    lives(&mut ward);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_replays_get_nothing_of_a_phone_without_our_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut ward = Ward::open(folder.path(), &narrator, phone());
    attacker::gets_nothing(&mut ward, folder.path(), &narrator).await;
}

#[test]
fn the_server_refuses_what_a_phone_in_python_makes_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut ward = Ward::open(folder.path(), &narrator, phone());
    for (lie, reason) in [
        ("other-workstation", "wrong-workstation"),
        ("other-exporter", "exporter-mismatch"),
        ("other-template", "reference-mismatch"),
    ] {
        ward.phone.run(&["lie", lie]);
        ward.refuses(reason);
    }
    ward.phone.run(&["lie", "replay"]);
    ward.admits(&[]);
    ward.refuses("challenge-used");
    ward.phone.run(&[]);
    ward.admits(&[]);
}

/// The workstation's frames go over bumble's GATT client, link layer and GATT server: only the socket is ours.
#[test]
fn a_phone_on_another_bluetooth_stack_taps() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut ward = Ward::open(folder.path(), &narrator, phone());
    ward.phone.run(&["radio", "bumble"]);
    ward.admits(&[]);
    ward.admits(&["--purpose", "tap-out"]);
}

#[test]
fn a_phone_without_our_code_gets_through_a_bad_radio() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut ward = Ward::open(folder.path(), &narrator, phone());
    for air in ["mtu=23", "mtu=503", "loss=20"] {
        ward.phone.run(&["air", air]);
        ward.admits(&[]);
    }
}
