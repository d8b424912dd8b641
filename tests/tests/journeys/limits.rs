//! Too many failures, and people who may not come in any more.
use imp_identity::Refusal;
use imp_identity::attempts::{BEFORE_WAIT, FIRST_WAIT};
use imp_identity::phone::Revocation;
use imp_tests::world::faces;
use jiff::SignedDuration;

use super::Ward;

#[tokio::test(flavor = "multi_thread")]
async fn after_five_failures_even_the_right_face_waits() {
    let ward = Ward::open().await;
    ward.workstation.scene.shows(faces::path(faces::BEA));
    for _ in 0..BEFORE_WAIT {
        ward.must_refuse(Refusal::ComparisonFailed).await;
    }
    ward.workstation.scene.shows(faces::path(faces::ADA));
    ward.must_refuse(Refusal::TooManyAttempts).await;
    ward.world.clock.advance(FIRST_WAIT);
    ward.workstation.admits("ada").await;
    let delays = ward.world.event_names(0).await;
    assert_eq!(delays.iter().filter(|name| **name == "biometric-delayed").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_is_refused_and_her_session_ends() {
    let ward = Ward::open().await;
    ward.workstation.admits("ada").await;
    ward.world.disable("ada").await;
    assert!(ward.world.event_names(0).await.contains(&"session-revoked"));
    assert_eq!(ward.workstation.refuses("ada").await, Refusal::UserDisabled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_was_reported_lost_is_refused() {
    let ward = Ward::open().await;
    let phone = ward.phone.id.expect("the phone is bound");
    // The workstation has not heard of it yet: the server refuses.
    let revoke = imp_api::admin::Revoke { reason: Revocation::Lost };
    let path = format!("v1/phones/{phone}/revocation");
    ward.workstation.agent.refresh_roster().await.expect("a roster");
    ward.world.administrator.post_nothing(&path, &revoke).await.expect("the phone is revoked");
    let command = imp_client::tap::TapCommand {
        purpose: None,
        user: Some("ada".to_owned()),
        intent: imp_identity::tap::Intent::Screen,
        phone_alone: false,
    };
    let report = ward.workstation.agent.tap(command).await;
    let outcome = imp_client::tap::TapOutcome::Refused { reason: Refusal::PhoneRevoked };
    assert_eq!(report.outcome, outcome);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lasts_as_long_as_policy_says() {
    let ward = Ward::open().await;
    ward.world.set_policy(|policy| policy.session.overall = SignedDuration::from_hours(1)).await;
    let session = ward.workstation.admits("ada").await;
    assert_eq!(session.expires_at, ward.world.now() + SignedDuration::from_hours(1));
    ward.world.clock.advance(SignedDuration::from_hours(2));
    ward.workstation.admits("ada").await;
    let sessions = ward.world.event_names(0).await;
    assert_eq!(sessions.iter().filter(|name| **name == "session-established").count(), 2);
}
