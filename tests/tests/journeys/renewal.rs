//! Certificates are renewed while people work; a machine that was away too long is refused.
use imp_identity::Clock as _;
use imp_tests::process;
use jiff::{SignedDuration, Timestamp};

use super::Ward;

/// When the phone's certificate ends.
fn phone_until(ward: &Ward) -> Timestamp {
    let status = ward.phone.phone.status(ward.world.clock.now()).expect("a status");
    status.binding.expect("the phone is bound").expires_at
}

/// When the workstation's certificate ends.
fn workstation_until(ward: &Ward) -> Timestamp {
    ward.workstation.agent.standing().stored.credentials.expires_at
}

#[tokio::test(flavor = "multi_thread")]
async fn phone_and_workstation_renew_their_certificates_and_taps_go_on() {
    let ward = Ward::open().await;
    ward.workstation.admits("ada").await;
    let before = (phone_until(&ward), workstation_until(&ward));
    // Two thirds of a certificate's life have passed, and it counts still.
    let left = before.0.min(before.1).duration_since(ward.world.now());
    ward.world.clock.advance(left * 3 / 4);
    let renewed = process::eventually(process::PATIENCE, || {
        (phone_until(&ward) > before.0 && workstation_until(&ward) > before.1).then_some(())
    });
    assert!(renewed.is_some(), "{before:?}, {}, {}", phone_until(&ward), workstation_until(&ward));
    // The certificates from before do not count any more.
    ward.world.clock.advance(left / 2);
    assert!(ward.world.now() > before.0.max(before.1));
    ward.workstation.admits("ada").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_was_off_until_its_certificate_expired_is_not_trusted() {
    let mut ward = Ward::open().await;
    let until = phone_until(&ward);
    ward.phone.stop().await;
    // The workstation is there when its own certificate is due.
    let before = workstation_until(&ward);
    ward.world.clock.advance(until.duration_since(ward.world.now()) * 3 / 4);
    let renewed = process::eventually(process::PATIENCE, || {
        (workstation_until(&ward) > before).then_some(())
    });
    assert!(renewed.is_some(), "the workstation renews its certificate");
    ward.world
        .clock
        .advance(until.duration_since(ward.world.now()) + SignedDuration::from_secs(60));
    ward.phone.serve(&ward.world, None).await;
    let reason = ward.workstation.gives_up("ada").await;
    assert_eq!(reason, imp_identity::refusal::Abandonment::PhoneUntrusted);
}
