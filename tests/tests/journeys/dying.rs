//! A phone that dies in the middle of a conversation, whichever frame was the last.
use std::time::{Duration, Instant};

use imp_client::tap::TapOutcome;
use imp_identity::refusal::Abandonment;
use imp_tests::world::World;

use super::Ward;

/// The longest that a nurse looks at a press that comes to nothing: a link that breaks is known to be broken.
const BOUND: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_dies_at_any_frame_is_said_so_soon_and_the_next_press_succeeds() {
    let mut world = World::start().await;
    // A link that stays up would carry the next tap, and no new one would break.
    world.walk_away.keep_link = false;
    let ward = Ward::open_in(world).await;
    ward.phone.script.change(|script| script.mtu = 185).unwrap();
    let mut refused = 0;
    for frames in [0, 1, 2, 3, 5, 8, 13, 21] {
        ward.phone.script.change(|script| script.disconnect_after_frames = Some(frames)).unwrap();
        let began = Instant::now();
        let report = ward.workstation.tap("ada").await;
        assert!(began.elapsed() < BOUND, "after {frames} frames: {:?}", began.elapsed());
        let unreachable = TapOutcome::Abandoned { reason: Abandonment::PhoneUnreachable };
        if report.outcome == unreachable {
            assert!(report.detail.is_some(), "after {frames} frames: nobody is told why");
            refused += 1;
        } else {
            assert!(report.accepted(), "after {frames} frames: {report:?}");
        }
        ward.phone.script.change(|script| script.disconnect_after_frames = None).unwrap();
        ward.workstation.admits("ada").await;
    }
    // TLS alone takes more than eight frames.
    assert!(refused >= 6, "{refused} of 8 presses came to nothing");
}
