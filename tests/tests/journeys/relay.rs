//! A relay between a nurse's phone and a workstation: what is noticed, and what is not. `docs/radio.md` shows the table that is printed.
use std::time::Duration;

use imp_client::tap::{TapOutcome, TapReport};
use imp_hardware::ble::emulated::{Air, AirScript, Relay, SharedScript};
use imp_identity::refusal::Abandonment;
use imp_tests::process::{PATIENCE, POLL};
use imp_tests::world::{World, faces};

use super::Ward;

/// How weakly the far phone is heard by whoever is beside it, and how loud the relay is at the workstation, in dBm.
const FAR: i16 = -95;
const LOUD: i16 = -30;

/// One press, with somebody in between.
struct Relayed {
    delay: Duration,
    report: TapReport,
}

impl Relayed {
    /// Milliseconds of a step of the tap.
    fn millis(&self, name: &str) -> u64 {
        let step = self.report.steps.iter().find(|step| step.name == name);
        step.map_or(0, |step| step.micros / 1000)
    }

    fn row(&self) -> String {
        let outcome = self.report.outcome.code();
        let [tls, request, total] = ["tls", "request", "total"].map(|name| self.millis(name));
        format!("| {} | {outcome} | {tls} | {request} | {total} |", self.delay.as_millis())
    }
}

/// A ward whose nurse is far away, phone and all: only a relay is near the workstation.
struct Corridor {
    ward: Ward,
    relay: Relay,
}

impl Corridor {
    async fn open() -> Self {
        let mut world = World::start().await;
        // A link that stays up would spare the next tap its handshake.
        world.walk_away.keep_link = false;
        let mut ward = Ward::open_in(world).await;
        let elsewhere = Air::new();
        ward.phone.script.change(|script| script.rssi = Some(FAR)).unwrap();
        ward.phone.serve_at(&ward.world, &elsewhere, None).await;
        let script = AirScript { rssi: Some(LOUD), ..AirScript::default() };
        let loud = SharedScript::new(script).unwrap();
        // Somebody who has followed her, and somebody at the workstation.
        let at_workstation = ward.world.air.peripheral("relay", loud);
        let relay = Relay::start(elsewhere.central(), at_workstation).await.unwrap();
        let corridor = Self { ward, relay };
        // Her phone is far, and counts as near.
        corridor.is_heard().await;
        corridor
    }

    /// Presses until the workstation has heard her phone from where the relay is.
    async fn is_heard(&self) {
        let until = tokio::time::Instant::now() + PATIENCE;
        while !self.ward.workstation.tap("ada").await.accepted() {
            assert!(tokio::time::Instant::now() < until, "her phone is not heard");
            tokio::time::sleep(POLL).await;
        }
    }

    async fn press(&self, delay: Duration) -> Relayed {
        self.relay.delays(delay);
        Relayed { delay, report: self.ward.workstation.tap("ada").await }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_of_half_a_second_is_not_noticed_and_one_of_four_seconds_is() {
    let corridor = Box::pin(Corridor::open()).await;
    println!("| Delay, each way (ms) | Outcome | TLS (ms) | Request (ms) | Whole tap (ms) |");
    println!("|---|---|---|---|---|");
    for millis in [0, 10, 50, 100, 500] {
        let relayed = corridor.press(Duration::from_millis(millis)).await;
        println!("{}", relayed.row());
        assert!(relayed.report.accepted(), "{millis} ms: {:?}", relayed.report);
        // It can be seen afterwards: each tap's steps are in the log. TLS needs a round trip at least, and so does a request.
        let steps = relayed.millis("tls") + relayed.millis("request");
        assert!(steps >= 4 * millis, "{millis} ms: {steps}");
    }
    // A peer of which nothing is heard for six seconds is dead, whoever is in between.
    let relayed = corridor.press(Duration::from_secs(4)).await;
    println!("{}", relayed.row());
    let outcome = &relayed.report.outcome;
    let unreachable = TapOutcome::Abandoned { reason: Abandonment::PhoneUnreachable };
    assert_eq!(*outcome, unreachable, "{:?}", relayed.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_face_must_be_at_this_camera_whoever_carries_her_phones_frames() {
    let corridor = Box::pin(Corridor::open()).await;
    corridor.relay.delays(Duration::from_millis(10));
    corridor.ward.workstation.scene.shows(faces::path(faces::BEA));
    let report = corridor.ward.workstation.tap("ada").await;
    assert!(!report.accepted(), "{report:?}");
    assert!(matches!(report.outcome, TapOutcome::Refused { .. }), "{report:?}");
    corridor.ward.workstation.scene.shows(faces::path(faces::ADA));
    assert!(corridor.ward.workstation.tap("ada").await.accepted());
}
