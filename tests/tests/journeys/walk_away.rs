//! Whoever leaves her workstation is locked out behind, is not while she is there, and finds everything again where she goes.
use std::time::Duration;

use imp_client::config::WalkAwayConfig;
use imp_client::desktop::Desktop;
use imp_client::status::{LeavingReason, StatusReport};
use imp_client::tap::{TapOutcome, TapReport};
use imp_identity::tap::{Intent, Purpose};
use imp_identity::user::Role;
use imp_tests::frozen::Frozen;
use imp_tests::world::{BoundPhone, WARD, World, faces};
use jiff::SignedDuration;

use super::Ward;
use super::promptness::Watched;

/// What is promised for leaving in a hurry: the goal of a lock.
const SOON: Duration = Duration::from_secs(10);
/// Long ago.
const UNTOUCHED: Duration = Duration::from_mins(2);

async fn watching() -> World {
    let mut world = World::start().await;
    world.walk_away = WalkAwayConfig::default();
    world
}

/// Ada is at work, typing, with her phone beside the keyboard.
async fn at_work(ward: &Ward) -> imp_client::tap::ShownSession {
    let session = ward.workstation.admits("ada").await;
    touches(ward);
    session
}

fn touches(ward: &Ward) {
    ward.workstation.screen.is_idle_for(Some(Duration::ZERO));
}

fn touches_nothing(ward: &Ward) {
    ward.workstation.screen.is_idle_for(Some(UNTOUCHED));
}

fn is_heard_at(ward: &Ward, rssi: i16) {
    ward.phone.script.change(|script| script.rssi = Some(rssi)).unwrap();
}

fn status(ward: &Ward) -> StatusReport {
    ward.workstation.agent.status()
}

/// She walks away: 6 dB a second, to −92 dBm.
async fn walks_away(ward: &Ward, time: &Frozen) {
    for second in 1..=7_i16 {
        is_heard_at(ward, -50 - 6 * second);
        for _ in 0..4 {
            time.passes(Duration::from_millis(250)).await;
        }
    }
}

/// How her phone is heard while she works is learned from a few advertisements.
async fn is_known(time: &Frozen) {
    for _ in 0..8 {
        time.passes(Duration::from_millis(250)).await;
    }
}

/// As long as the server's jobs wait, in which phones are heard and the agent asks again.
async fn a_minute_passes(time: &Frozen) {
    for _ in 0..13 {
        time.passes(Duration::from_secs(5)).await;
    }
}

fn counts_down(ward: &Ward) -> bool {
    status(ward).leaving.is_some()
}

#[tokio::test]
async fn whoever_walks_away_is_locked_out_applications_are_told_and_her_tap_brings_all_back() {
    let mut watched = Watched::open(watching().await).await;
    let session = at_work(&watched.desk.ward).await;
    watched.desk.sign_on().await;
    let (before, heard) = (watched.desk.ward.events().await, watched.ears.heard());
    let ward = &watched.desk.ward;
    let time = Frozen::from_now_on();
    is_known(&time).await;
    touches_nothing(ward);
    walks_away(ward, &time).await;
    let counting = time.needs(SOON, async || counts_down(ward)).await;
    let leaving = status(ward).leaving.unwrap();
    assert_eq!(leaving.reason, LeavingReason::SignalLow);
    assert!(!status(ward).locked, "she can still come back");
    let locked = time.needs(SOON, async || status(ward).locked).await;
    println!(
        "by construction: 7 s of walking, countdown after {counting:?}, lock after {:?}",
        counting + locked
    );
    assert!(counting + locked <= SOON);
    assert!(ward.workstation.screen.take_told().contains(&"lock".to_owned()));
    time.needs(SOON, async || watched.ears.heard().0 > heard.0).await;
    drop(time);
    let names = ward.world.event_names(before).await;
    assert_eq!(names[..2], ["session-suspended", "sign-on-ended"], "{names:?}");

    is_heard_at(ward, -50);
    let again = ward.workstation.admits("ada").await;
    assert_eq!(again.id, session.id);
    watched.desk.sign_on().await;
}

#[tokio::test]
async fn a_key_and_her_return_stop_the_countdown() {
    let ward = Ward::open_in(watching().await).await;
    at_work(&ward).await;
    let time = Frozen::from_now_on();
    is_known(&time).await;
    touches_nothing(&ward);
    walks_away(&ward, &time).await;
    time.needs(SOON, async || counts_down(&ward)).await;
    touches(&ward);
    time.needs(Duration::from_secs(1), async || !counts_down(&ward)).await;
    is_heard_at(&ward, -50);
    is_known(&time).await;
    touches_nothing(&ward);
    walks_away(&ward, &time).await;
    time.needs(SOON, async || counts_down(&ward)).await;
    is_heard_at(&ward, -50);
    time.needs(Duration::from_secs(3), async || !counts_down(&ward)).await;
    walks_away(&ward, &time).await;
    time.needs(SOON * 2, async || counts_down(&ward)).await;
    ward.workstation.agent.stay();
    assert!(!counts_down(&ward), "at once");
    assert!(!status(&ward).locked);
}

/// The phone has its receipt, and the link stands.
async fn is_linked(ward: &Ward) {
    let linked = async {
        while !ward.workstation.agent.keeps_link() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), linked).await.expect("a link to keep");
}

/// Everything that has passed between phone and workstation.
fn frames(ward: &Ward) -> usize {
    ward.world.air.recording().len()
}

#[tokio::test]
async fn the_link_of_the_tap_is_kept_while_she_works_serves_the_next_tap_and_ends_with_her_session()
{
    let ward = Ward::open_in(watching().await).await;
    at_work(&ward).await;
    is_linked(&ward).await;
    let again = ward.workstation.tap_for("ada", Some(Purpose::StepUp)).await;
    assert!(again.accepted(), "{again:?}");
    let step = |name: &str| again.steps.iter().any(|step| step.name == name);
    assert!(step("request") && !step("ble-connect") && !step("tls"), "{:?}", again.steps);
    is_linked(&ward).await;
    let time = Frozen::from_now_on();
    is_known(&time).await;
    // Nothing of hers is heard but the heartbeats: a minute later she is still there.
    touches_nothing(&ward);
    is_heard_at(&ward, -55);
    let before = frames(&ward);
    for _ in 0..60 {
        time.passes(Duration::from_secs(1)).await;
        assert!(!status(&ward).locked);
    }
    assert!(frames(&ward) - before >= 60, "heartbeats");
    ward.workstation.agent.lock().await;
    for _ in 0..20 {
        time.passes(Duration::from_millis(500)).await;
    }
    let ended = frames(&ward);
    for _ in 0..10 {
        time.passes(Duration::from_secs(1)).await;
    }
    let advertisements = frames(&ward) - ended;
    assert!(advertisements <= 2, "the link goes on after the lock: {advertisements}");
}

#[tokio::test]
async fn a_link_that_breaks_is_made_again_and_locks_nobody_who_is_heard() {
    let ward = Ward::open_in(watching().await).await;
    at_work(&ward).await;
    is_linked(&ward).await;
    let time = Frozen::from_now_on();
    is_known(&time).await;
    touches_nothing(&ward);
    ward.phone.script.change(|script| script.disconnect_after_frames = Some(0)).unwrap();
    for _ in 0..8 {
        time.passes(Duration::from_millis(250)).await;
    }
    ward.phone.script.change(|script| script.disconnect_after_frames = None).unwrap();
    for _ in 0..30 {
        time.passes(Duration::from_secs(1)).await;
        assert!(!status(&ward).locked);
    }
    // A handshake takes its real time.
    drop(time);
    let before = frames(&ward);
    let made = async {
        while frames(&ward) < before + 10 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let made = tokio::time::timeout(Duration::from_secs(90), made).await;
    assert!(made.is_ok(), "heartbeats of the new link");
    is_linked(&ward).await;
    let again = ward.workstation.tap_for("ada", Some(Purpose::StepUp)).await;
    assert!(again.accepted() && again.steps.iter().all(|step| step.name != "ble-connect"));
}

#[tokio::test]
async fn whoever_types_is_not_locked_out_though_her_phone_is_gone() {
    let ward = Ward::open_in(watching().await).await;
    at_work(&ward).await;
    ward.phone.script.change(|script| script.absent = true).unwrap();
    let time = Frozen::from_now_on();
    for _ in 0..120 {
        time.passes(Duration::from_millis(500)).await;
        assert!(!counts_down(&ward) && !status(&ward).locked);
    }
    touches_nothing(&ward);
    let gone = async || status(&ward).locked;
    time.needs(SOON, gone).await;
}

#[tokio::test]
async fn an_unattended_session_is_suspended_by_the_server_by_its_own_limit() {
    let ward = Ward::open().await;
    ward.world.set_policy(|policy| policy.session.idle = Some(SignedDuration::from_mins(30))).await;
    ward.workstation.admits("ada").await;
    let before = ward.events().await;
    let time = Frozen::from_now_on();
    // Her phone is near, which is a sign of life.
    for _ in 0..4 {
        ward.world.clock.advance(SignedDuration::from_mins(10));
        a_minute_passes(&time).await;
        assert!(!status(&ward).locked);
    }
    ward.phone.script.change(|script| script.absent = true).unwrap();
    a_minute_passes(&time).await;
    ward.world.clock.advance(SignedDuration::from_mins(31));
    a_minute_passes(&time).await;
    time.needs(Duration::from_secs(2), async || status(&ward).locked).await;
    drop(time);
    assert_eq!(ward.world.event_names(before).await, ["session-suspended"]);
    assert!(matches!(ward.workstation.agent.desktop(), Desktop::Locked(_)), "a tap resumes it");
}

#[tokio::test]
async fn her_session_follows_to_the_next_workstation_and_the_first_one_locks_within_a_second() {
    let ward = Ward::open().await;
    let next = ward.world.workstation("Ward 3 right", Some(WARD)).await;
    next.scene.shows(faces::path(faces::ADA));
    let session = ward.workstation.admits("ada").await;
    let before = ward.events().await;
    // She did not lock, and taps already at the next one.
    let moved = next.admits("ada").await;
    assert_eq!(moved.id, session.id);
    let time = Frozen::from_now_on();
    let limit = Duration::from_secs(1);
    let took = time.needs(limit, async || status(&ward).locked).await;
    println!("by construction: the first workstation locks after {took:?}");
    drop(time);
    let names = ward.world.event_names(before).await;
    assert_eq!(names, ["session-suspended", "session-resumed", "tap-accepted"]);
    // And back, after she locked there, within the grace.
    next.agent.lock().await;
    assert_eq!(ward.workstation.admits("ada").await.id, session.id);
}

/// Nurse Bea, with her phone near.
async fn bea(ward: &Ward) -> BoundPhone {
    ward.world.user("bea", Role::Staff, Some(WARD)).await;
    ward.world.enrol(&ward.workstation, "bea", &[faces::BEA]).await
}

/// Taps as somebody whose face the camera sees.
async fn takes(
    ward: &Ward,
    username: &str,
    face: &str,
) -> (imp_client::tap::ShownSession, Duration) {
    ward.workstation.scene.shows(faces::path(face));
    let report = ward.workstation.tap(username).await;
    let TapOutcome::Accepted { session } = report.outcome else { panic!("{report:?}") };
    // What is not radio and face: the server's decision, and the desktop that changes hands.
    let ours =
        report.steps.iter().filter(|step| ["submit", "unlock"].contains(&step.name.as_str()));
    (session, Duration::from_micros(ours.map(|step| step.micros).sum()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_desktop_changes_hands_in_under_a_second_and_warns_whoever_types() {
    let ward = Ward::open().await;
    let _phone = bea(&ward).await;
    let (hers, _) = takes(&ward, "ada", faces::ADA).await;
    assert_eq!(status(&ward).guard, None, "nobody was there before");
    let before = ward.events().await;
    let (his, first) = takes(&ward, "bea", faces::BEA).await;
    let guard = status(&ward).guard.expect("the desktop has changed hands");
    assert_eq!(guard.from.unwrap().username, "ada");
    assert_eq!(guard.to.username, "bea");
    ward.workstation.agent.stay();
    assert_eq!(status(&ward).guard, None, "a key, and it is seen");
    let (again, second) = takes(&ward, "ada", faces::ADA).await;
    let (back, third) = takes(&ward, "bea", faces::BEA).await;
    assert_eq!((again.id, back.id), (hers.id, his.id), "each goes on with her own");
    println!("the desktop changed hands in {first:?}, {second:?}, {third:?}");
    assert!([first, second, third].iter().all(|took| *took < Duration::from_secs(1)));
    let names = ward.world.event_names(before).await;
    let switch = ["session-suspended", "session-resumed", "tap-accepted"];
    assert_eq!(names[3..], [switch, switch].concat(), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_phones_that_are_near_the_one_is_meant_that_somebody_names_however_faint() {
    let ward = Ward::open().await;
    let other = bea(&ward).await;
    is_heard_at(&ward, -20);
    other.script.change(|script| script.rssi = Some(-94)).unwrap();
    let command = |user: Option<&str>| imp_client::tap::TapCommand {
        purpose: None,
        user: user.map(str::to_owned),
        intent: Intent::Screen,
        phone_alone: false,
    };
    ward.workstation.agent.refresh_roster().await.unwrap();
    let TapReport { outcome: TapOutcome::Choose { people }, .. } =
        ward.workstation.agent.tap(command(None)).await
    else {
        panic!("nobody was asked")
    };
    assert_eq!(people.len(), 2);
    ward.workstation.scene.shows(faces::path(faces::BEA));
    let report = ward.workstation.agent.tap(command(Some("bea"))).await;
    assert!(report.accepted(), "{report:?}");
    assert_eq!(
        (report.person.unwrap().username.as_str(), report.purpose),
        ("bea", Some(Purpose::TapIn))
    );
}
