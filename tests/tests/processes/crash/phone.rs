//! The phone's battery fails at a named step, of a tap, an enrolment, its binding or an erasure.
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use imp_phone::crash::POINTS;
use imp_tests::demo::Narrator;
use imp_tests::demo::hospital::{Hospital, Phone, finish_enrolment};
use imp_tests::process;
use serde_json::Value;

use super::Stage;

fn points(parts: &[&str]) -> impl Iterator<Item = &'static str> {
    POINTS.iter().copied().filter(move |point| parts.iter().any(|part| point.starts_with(part)))
}

/// Every receipt is kept once, and is proven.
fn no_receipt_is_doubled(phone: &Phone<'_>, after: &str) {
    let uses: Value = serde_json::from_str(&phone.ask(&["uses", "--json"]).expect("uses"))
        .expect("uses are JSON");
    assert_eq!((&uses["damaged"], &uses["unreadable"]), (&Value::from(false), &Value::from(0)));
    let uses = uses["uses"].as_array().expect("a list");
    let places: BTreeSet<_> = uses.iter().map(|u| u["index"].as_u64()).collect();
    assert_eq!(places.len(), uses.len(), "after {after}: a receipt twice: {uses:?}");
    let proven = |u: &&Value| u["verified"] == true && u["remark"].is_null();
    assert_eq!(uses.iter().find(|u| !proven(u)), None, "after {after}");
    assert!(!uses.is_empty(), "after {after}: the enrolment's receipt is gone");
}

/// A tap of this user is let in, at the latest when agent and phone have found each other.
fn tap_succeeds(hospital: &Hospital<'_>, username: &str, after: &str) {
    let mut last = Value::Null;
    let accepted = process::eventually(Duration::from_secs(30), || {
        let tapped = hospital.tap(&["--user", username]).ok()?;
        last.clone_from(&tapped.report);
        (tapped.outcome() == "accepted").then_some(())
    });
    assert!(accepted.is_some(), "after {after}: {last}");
}

#[test]
fn a_phone_that_dies_at_any_step_of_a_tap_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut stage = Stage::enrolled(folder.path(), &narrator);
    for point in points(&["serve:", "tap:", "receipt:"]) {
        stage.phone.kill();
        stage.phone.abort_at = Some(point);
        stage.phone.run(&[]).expect("the phone starts");
        // A tap may still look for the phone that was killed before.
        let died = process::eventually(Duration::from_secs(30), || {
            let _died = stage.hospital.tap(&["--user", "ada"]);
            stage.phone.ends(Duration::from_secs(2)).then_some(())
        });
        assert!(died.is_some(), "{point} was not reached");
        stage.phone.abort_at = None;
        stage.phone.run(&[]).expect("the phone starts again");
        stage.next_tap_succeeds(point);
        stage.nothing_is_doubled(point);
        no_receipt_is_doubled(&stage.phone, point);
    }
}

/// Enrols `username` with a phone that dies at `point` of being bound or of storing; returns the phone, enrolled.
fn enrol_dying_at<'a>(
    hospital: &Hospital<'a>,
    username: &str,
    point: &'static str,
    (folder, narrator): (&'a Path, &'a Narrator),
) -> Phone<'a> {
    let (mut desk, invitation) = hospital.begin_enrolment(username).expect("an enrolment");
    let mut phone = Phone::new(folder, username, narrator);
    phone.abort_at = Some(point);
    let bound = phone.bind(&invitation, hospital.air());
    if point.starts_with("bind:") {
        assert!(bound.is_err(), "{point} was not reached");
        phone.abort_at = None;
        let again = phone.bind(&invitation, hospital.air());
        // What is stored is not asked for again.
        let refused = again.err().map(|error| error.to_string());
        assert_eq!(refused.is_some(), point == "bind:stored", "after {point}: {refused:?}");
        phone.run(&[]).expect("the phone starts");
    } else {
        bound.expect("the phone is bound");
        phone.run(&[]).expect("the phone starts");
        assert!(phone.ends(process::PATIENCE), "{point} was not reached");
        phone.abort_at = None;
        phone.run(&[]).expect("the phone starts again");
    }
    // The desk goes on by itself, or is asked to once more.
    if finish_enrolment(&desk).is_err() {
        desk.ended(process::PATIENCE).expect("the desk ends");
        hospital.resume_enrolment(username, &mut phone).expect("it is taken up again");
    }
    phone
}

#[test]
fn a_phone_that_dies_at_any_step_of_an_enrolment_is_enrolled_after_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let stage = Stage::open(folder.path(), &narrator);
    for point in points(&["bind:", "serve:", "store:"]) {
        let username = point.replace(':', "-");
        let add = ["user", "add", &username, "--name", &username];
        stage.hospital.administer(&add).expect("a user");
        let phone = enrol_dying_at(&stage.hospital, &username, point, (folder.path(), &narrator));
        tap_succeeds(&stage.hospital, &username, point);
        stage.nothing_is_doubled(point);
        no_receipt_is_doubled(&phone, point);
    }
}

#[test]
fn a_phone_that_dies_at_any_step_of_an_erasure_erases_when_it_is_asked_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut stage = Stage::enrolled(folder.path(), &narrator);
    for (number, point) in points(&["erase:"]).enumerate() {
        if number > 0 {
            let mut phone = Phone::new(folder.path(), &point.replace(':', "-"), &narrator);
            stage.hospital.enrol("ada", &mut phone).expect("an enrolment");
            stage.phone = phone;
        }
        stage.next_tap_succeeds("the enrolment");
        stage.phone.stop().expect("the phone stops");
        stage.phone.abort_at = Some(point);
        assert!(stage.phone.ask(&["erase"]).is_err(), "{point} was not reached");
        stage.phone.abort_at = None;
        stage.phone.ask(&["erase"]).expect("the face is erased");
        let status = stage.phone.ask(&["status", "--json"]).expect("a status");
        let status: Value = serde_json::from_str(&status).expect("JSON");
        assert_eq!(status["reference"]["state"], "none", "after {point}: {status}");
        assert_eq!(erased(&stage), number + 1, "after {point}: the server is told once");
        stage.nothing_is_doubled(point);
    }
}

/// How often the event log says that a reference was erased.
fn erased(stage: &Stage<'_>) -> usize {
    let events = stage.events();
    let happened = events.iter().map(|event| &event["record"]["event"]);
    happened.filter(|e| e["type"] == "reference-revoked" && e["reason"] == "erased").count()
}
