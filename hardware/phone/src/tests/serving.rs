use std::time::Duration;

use imp_authenticator::{Message, identifier};
use jiff::SignedDuration;

use super::hospital::Hospital;
use crate::{Notice, ServeError};

#[tokio::test(start_paused = true)]
async fn the_identifier_changes_with_the_slot_also_when_the_clock_jumps() {
    let hospital = Hospital::new();
    let serves = hospital.serve(&hospital.open());
    let ward = hospital.workstation(1);
    let expected =
        |hospital: &Hospital| identifier::identifier(&[7; 32], identifier::slot(hospital.now()));
    let first = expected(&hospital);
    let mut heard = ward.listen().await;
    assert_eq!(heard.recv().await.unwrap().identifier, first);
    for jump in [SignedDuration::from_mins(15), SignedDuration::from_hours(-30)] {
        hospital.clock.advance(jump);
        let renewed = expected(&hospital);
        assert_ne!(renewed, first);
        let heard = async { while heard.recv().await.unwrap().identifier != renewed {} };
        tokio::time::timeout(Duration::from_secs(10), heard).await.unwrap();
    }
    serves.stop().await;
}

#[tokio::test]
async fn a_stranger_gets_nothing_and_the_next_workstation_is_served() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let serves = hospital.serve(&phone);
    let rogue = hospital.rogue();
    // In TLS 1.3 the client may believe the handshake done before the server has looked at its certificate.
    if let Ok(mut conversation) = rogue.connect().await {
        let sent = conversation.send(&Message::TapRequest(rogue.request())).await;
        assert!(sent.is_err() || conversation.receive().await.is_err());
    }
    let ward = hospital.workstation(1);
    let answer = ward.say(&Message::TapRequest(ward.request())).await;
    assert!(matches!(answer, Message::TapResponse(_)), "{answer:?}");
    assert!(serves.notes.shown.lock().unwrap().contains(&Notice::Stranger));
    serves.stop().await;
}

#[tokio::test]
async fn a_workstation_that_talks_like_a_phone_is_hung_up_on() {
    let hospital = Hospital::new();
    let serves = hospital.serve(&hospital.open());
    let ward = hospital.workstation(1);
    let mut conversation = ward.connect().await.unwrap();
    conversation.send(&Message::Acknowledged).await.unwrap();
    conversation.receive().await.unwrap_err();
    ward.connect().await.unwrap().close().await;
    serves.stop().await;
}

#[tokio::test]
async fn a_phone_serves_once_and_only_when_bound() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let serves = hospital.serve(&phone);
    hospital.workstation(1).hear().await;
    assert!(phone.status(hospital.now()).unwrap().serving);
    let again = hospital.serve(&phone);
    assert!(matches!(again.result().await, Err(ServeError::Serving)));
    serves.stop().await;
    phone
        .erase(crate::Erase { everything: true, force: true }, hospital.clock.clone())
        .await
        .unwrap();
    assert!(matches!(hospital.serve(&phone).result().await, Err(ServeError::NotBound)));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_cannot_be_renewed_is_tried_again_later() {
    let hospital = Hospital::new();
    let serves = hospital.serve(&hospital.open());
    hospital.clock.advance(SignedDuration::from_hours(49));
    let failures = |serves: &super::hospital::Serves| {
        let shown = serves.notes.shown.lock().unwrap();
        shown.iter().filter(|notice| matches!(notice, Notice::NotRenewed { .. })).count()
    };
    wait_until(|| failures(&serves) == 1).await;
    hospital.clock.advance(SignedDuration::from_secs(31));
    wait_until(|| failures(&serves) == 2).await;
    hospital.clock.advance(SignedDuration::from_hours(48));
    let expired = || serves.notes.shown.lock().unwrap().contains(&Notice::CertificateExpired);
    wait_until(expired).await;
    serves.stop().await;
}

/// Looks again each second of virtual time, for ten minutes of it.
async fn wait_until(mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("it did not happen");
}
