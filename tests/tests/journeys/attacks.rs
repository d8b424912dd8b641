//! What an attacker tries (docs/tap.md), and what must happen.
use std::sync::Arc;
use std::time::Duration;

use imp_authenticator::message::Message;
use imp_authenticator::tls;
use imp_biometrics::TemplateKey;
use imp_hardware::ble::emulated::Passed;
use imp_hardware::camera::CameraConfig;
use imp_identity::refusal::Abandonment;
use imp_identity::{Clock, Refusal, Secret};
use imp_phone::Misbehaviour;
use imp_tests::presentation::{Instrument, Pose, rephotographed};
use imp_tests::world::{World, caller, faces};
use tokio::time::timeout;

use super::Ward;

#[tokio::test(flavor = "multi_thread")]
async fn a_borrowed_phone_is_refused() {
    let ward = Ward::open().await;
    ward.workstation.scene.shows(faces::path(faces::BEA));
    ward.must_refuse(Refusal::ComparisonFailed).await;
    ward.workstation.scene.shows(faces::masked(faces::BEA, ward.world.folder.path()));
    ward.must_refuse(Refusal::ComparisonFailed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_a_picture_is_refused() {
    let ward = Ward::open().await;
    for instrument in [Instrument::Print, Instrument::Screen] {
        let photograph = faces::photograph(faces::ADA_ENROLLED[1]);
        let seen = rephotographed(&photograph, instrument, Pose::default());
        let name = format!("held-up-{instrument:?}");
        ward.workstation.scene.shows(faces::write(&seen, ward.world.folder.path(), &name));
        ward.must_refuse(Refusal::PresentationAttack).await;
    }
    ward.workstation.scene.shows(faces::path(faces::ADA));
    ward.workstation.admits("ada").await;
}

/// docs/tap.md states these numbers among the known limits.
#[test]
fn rendered_attacks_are_refused_as_often_as_documented() {
    let threshold = faces::engine().thresholds().attack;
    let people =
        [faces::ADA_ENROLLED[0], faces::ADA_ENROLLED[1], faces::ADA, faces::BEA, faces::STRANGER];
    let refused = |instrument| {
        let is_refused = |name: &&&str| {
            let seen = rephotographed(&faces::photograph(name), instrument, Pose::default());
            let capture = faces::engine().capture(&[seen]).expect("the face is found");
            capture.attack_score() < threshold
        };
        people.iter().filter(is_refused).count()
    };
    assert_eq!(refused(Instrument::Screen), 5);
    assert!(refused(Instrument::Print) >= 2);
    let bona_fide = people.iter().filter(|name| {
        let capture = faces::engine().capture(&[faces::photograph(name)]).expect("a face");
        capture.attack_score() >= threshold
    });
    assert_eq!(bona_fide.count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_template_is_refused() {
    let mut ward = Ward::open().await;
    // The thief's own template on Ada's phone, and the thief before the camera.
    let thief = faces::engine().enrol(&[faces::photograph(faces::BEA)]).expect("a template");
    let thief = thief.protect(&TemplateKey::from(&[7; 32]));
    let template = Some(Secret::new(thief.to_bytes().to_vec()));
    ward.phone.serve(&ward.world, Some(Misbehaviour::SwapTemplate { template })).await;
    ward.workstation.scene.shows(faces::path(faces::BEA));
    ward.must_refuse(Refusal::ReferenceMismatch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_key_is_refused() {
    let mut ward = Ward::open().await;
    ward.phone.serve(&ward.world, Some(Misbehaviour::SwapKey)).await;
    ward.must_refuse(Refusal::ReferenceMismatch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_statement_is_refused() {
    let mut ward = Ward::open().await;
    ward.phone.serve(&ward.world, Some(Misbehaviour::Replay)).await;
    ward.workstation.admits("ada").await;
    ward.workstation.tap_for("ada", Some(imp_identity::tap::Purpose::TapOut)).await;
    let before = ward.events().await;
    assert_eq!(ward.workstation.refuses("ada").await, Refusal::ChallengeUsed);
    assert_eq!(ward.world.event_names(before).await, ["tap-refused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_for_another_workstation_is_refused() {
    let mut ward = Ward::open().await;
    ward.phone.serve(&ward.world, Some(Misbehaviour::OtherWorkstation)).await;
    ward.must_refuse(Refusal::WrongWorkstation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_in_the_middle_is_noticed() {
    let mut ward = Ward::open().await;
    ward.phone.serve(&ward.world, Some(Misbehaviour::OtherExporter)).await;
    ward.must_refuse(Refusal::ExporterMismatch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rogue_workstation_learns_nothing() {
    let ward = Ward::open().await;
    let standing = ward.workstation.agent.standing();
    let clock: Arc<dyn Clock> = ward.world.clock.clone();
    let roster = caller::roster(&standing, clock.clone()).await;
    let key = roster.entries[0].identifier_key;
    let central = ward.world.air.central();

    // A workstation of another hospital; it knows whom Ada's phone trusts, but has no certificate of theirs.
    let elsewhere = World::start().await;
    let foreign = elsewhere.workstation("Elsewhere", None).await.agent.standing();
    let rogue = tls::workstation_to_phone(&foreign.identity, &standing.anchors, clock.clone());
    let rogue = rogue.expect("a TLS configuration");

    // Without the identifier key: the phone answers nothing, not even a frame.
    let from_phone = |passed: &[Passed]| passed.iter().filter(|p| from_phone(p)).count();
    let before = from_phone(&ward.world.air.recording());
    let address =
        caller::locate(central.as_ref(), &key, clock.as_ref()).await.expect("Ada's phone");
    let connection = central.connect(&address).await.expect("a link");
    let mut rng = rand_core::UnwrapErr(rand::rngs::SysRng);
    let guess = [9; 32];
    let config = rogue.clone();
    let stranger = imp_hardware::ble::Conversation::initiate(
        connection,
        config,
        &guess,
        clock.clone(),
        &mut rng,
    );
    let answer = timeout(Duration::from_secs(25), stranger).await;
    assert!(!matches!(answer, Ok(Ok(_))), "a stranger got an answer");
    let after = from_phone(&ward.world.air.recording());
    assert_eq!(after, before, "the phone sent frames to a stranger");

    // With a stolen identifier key: its certificate does not verify, and no message ever comes.
    let called = caller::call(central.as_ref(), &key, rogue, clock.clone()).await;
    if let Ok(mut conversation) = called {
        let _refused_at_once_or_later = conversation.send(&caller::request(clock.as_ref())).await;
        let answer = timeout(Duration::from_secs(25), conversation.receive()).await;
        assert!(
            !matches!(answer, Ok(Ok(Message::TapResponse(_)))),
            "the phone released a template"
        );
        assert!(matches!(answer, Ok(Err(_))), "the phone did not end the conversation");
    }
    // Its own workstation is still served.
    ward.workstation.admits("ada").await;
}

fn from_phone(passed: &Passed) -> bool {
    matches!(passed, Passed::ToWorkstation(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_configured_camera_is_used() {
    let ward = Ward::open().await;
    // A file under the device's name: a picture is not a capture device.
    let picture = faces::path(faces::ADA);
    let device = CameraConfig::Device { index: None, path: Some(picture), width: 640, height: 480 };
    ward.workstation.scene.becomes(device);
    assert_eq!(ward.workstation.gives_up("ada").await, Abandonment::Camera);
    // A device that is gone is not replaced by another one.
    let gone = CameraConfig::Device { index: Some(63), path: None, width: 640, height: 480 };
    ward.workstation.scene.becomes(gone);
    assert_eq!(ward.workstation.gives_up("ada").await, Abandonment::Camera);
}
