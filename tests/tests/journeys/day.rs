//! An ordinary day.
use imp_identity::event::Event;
use imp_identity::refusal::Abandonment;
use imp_identity::tap::Purpose;
use imp_tests::process;
use imp_tests::world::faces;
use jiff::SignedDuration;

use super::Ward;

#[tokio::test(flavor = "multi_thread")]
async fn a_nurse_taps_in_locks_unlocks_and_taps_out() {
    let ward = Ward::open().await;
    let before = ward.events().await;
    let session = ward.workstation.admits("ada").await;
    assert_eq!((session.username.as_str(), session.state.as_str()), ("ada", "active"));
    assert_eq!(session.expires_at, ward.world.now() + SignedDuration::from_hours(12));
    assert_eq!(ward.world.event_names(before).await, ["session-established", "tap-accepted"]);

    let before = ward.events().await;
    ward.workstation.agent.lock().await;
    ward.world.clock.advance(SignedDuration::from_mins(20));
    let again = ward.workstation.admits("ada").await;
    assert_eq!(again.id, session.id, "the same session goes on");

    let out = ward.workstation.tap_for("ada", Some(Purpose::TapOut)).await;
    assert!(out.accepted(), "{out:?}");
    assert_eq!(
        ward.world.event_names(before).await,
        ["session-suspended", "session-resumed", "tap-accepted", "session-revoked", "tap-accepted"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nurse_taps_in_with_a_mask_on() {
    let ward = Ward::open().await;
    ward.workstation.scene.shows(faces::masked(faces::ADA, ward.world.folder.path()));
    ward.workstation.admits("ada").await;
    let events = ward.world.events().await;
    let facts = events.iter().find_map(|entry| {
        if let Event::TapAccepted(facts) = &entry.record.event { Some(facts) } else { None }
    });
    let facts = facts.expect("an accepted tap");
    assert!(facts.mask, "the evidence says that a mask was worn");
    for step in ["find-phone", "compare"] {
        assert!(facts.steps.iter().any(|s| s.name == step), "{step}: {:?}", facts.steps);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_keeps_a_verified_receipt_of_every_use() {
    let ward = Ward::open().await;
    ward.workstation.admits("ada").await;
    // The desktop is open before the phone has its receipt.
    let shown = process::eventually(process::PATIENCE, || {
        let uses = ward.phone.phone.uses().expect("uses");
        let shown = serde_json::to_value(&uses).expect("uses are shown as JSON").to_string();
        shown.contains("tap-accepted").then_some(shown)
    });
    let shown = shown.expect("the receipt arrives");
    assert!(shown.contains("enrolment-completed"), "{shown}");
    assert!(!shown.contains("\"verified\":false"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_phone_or_face_the_workstation_gives_up_and_says_so() {
    let mut ward = Ward::open().await;
    let before = ward.events().await;
    let wall = imp_biometrics::Image::from_rgb(640, 480, vec![180; 640 * 480 * 3]).expect("a wall");
    ward.workstation.scene.shows(faces::write(&wall, ward.world.folder.path(), "wall"));
    assert_eq!(ward.workstation.gives_up("ada").await, Abandonment::NoFace);
    ward.phone.script.change(|script| script.absent = true).expect("the phone leaves");
    ward.phone.stop().await;
    assert_eq!(ward.workstation.gives_up("ada").await, Abandonment::PhoneUnreachable);
    ward.world.logs(before, &["tap-abandoned", "tap-abandoned"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_link_costs_time_and_nothing_else() {
    let ward = Ward::open().await;
    let bad = ward.phone.script.change(|script| {
        script.mtu = 64;
        script.loss = 0.03;
        script.duplication = 0.02;
        script.reordering = 0.05;
        script.latency_ms = 3;
        script.jitter_ms = 5;
    });
    bad.expect("a bad link");
    ward.workstation.admits("ada").await;
}
