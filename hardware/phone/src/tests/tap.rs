use imp_authenticator::{
    DeclineReason, Message, PresenceStatement, TapRequest, TapResponse, TapStatement,
    UnverifiedPresenceStatement, UnverifiedTapStatement, reference_digest,
};
use imp_identity::tap::{Intent, Purpose};
use jiff::SignedDuration;

use super::hospital::{Hospital, TEMPLATE, ask};
use crate::Consent;
use crate::holder::Holder;

fn verified(hospital: &Hospital, response: &TapResponse) -> TapStatement {
    let holder = Holder::load(&hospital.open()).unwrap().unwrap();
    let statement = UnverifiedTapStatement::parse(&response.statement).unwrap();
    assert_eq!(statement.phone(), hospital.phone);
    statement.verify(holder.signer.public_key()).unwrap()
}

#[tokio::test]
async fn a_reference_survives_a_restart_and_is_released_with_a_statement() {
    let hospital = Hospital::new();
    let desk = hospital.workstation(1);
    let serves = hospital.serve(&hospital.open());
    let stored = desk.say(&Message::StoreReference(hospital.enrolment())).await;
    assert!(matches!(stored, Message::ReferenceStored(_)), "{stored:?}");
    serves.stop().await;

    let serves = hospital.serve(&hospital.open());
    let ward = hospital.workstation(2);
    let mut conversation = ward.connect().await.unwrap();
    let exporter = conversation.exporter();
    let answer = ask(&mut conversation, &Message::TapRequest(ward.request())).await;
    let Message::TapResponse(response) = answer else { panic!("{answer:?}") };
    assert_eq!(response.reference.template.expose(), TEMPLATE);
    assert_eq!(response.reference.salt.expose(), &[5; 32]);
    let statement = verified(&hospital, &response);
    assert_eq!(statement.challenge, [9; 32]);
    assert_eq!(statement.workstation, ward.identity.spiffe_id);
    assert_eq!(statement.exporter, exporter);
    assert_eq!(statement.reference_digest, reference_digest(&[5; 32], TEMPLATE));
    assert_eq!(statement.intent, Intent::Screen);
    assert_eq!(statement.at, hospital.now());
    conversation.close().await;
    let said = "Ward 3, bed 7 asked for a tap-in at 07:05: released".to_owned();
    assert!(serves.sentences().contains(&said), "{:?}", serves.sentences());
    serves.stop().await;
}

#[tokio::test]
async fn requests_that_do_not_count_are_declined() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let ward = hospital.workstation(1);
    let serves = hospital.serve(&phone);
    let mut conversation = ward.connect().await.unwrap();
    let mut reason = async |request| {
        let answer = ask(&mut conversation, &request).await;
        let Message::Declined(declined) = answer else { panic!("{answer:?}") };
        declined.reason
    };
    let request = |by| {
        let mut request = ward.request();
        request.expires_at = hospital.now() + by;
        Message::TapRequest(request)
    };
    let in_a_minute = SignedDuration::from_secs(60);
    assert_eq!(reason(request(in_a_minute)).await, DeclineReason::NoReference);
    hospital.enrol(&phone);
    let long_ago = SignedDuration::from_mins(-5);
    assert_eq!(reason(request(long_ago)).await, DeclineReason::Expired);
    let far_ahead = SignedDuration::from_hours(1);
    assert_eq!(reason(request(far_ahead)).await, DeclineReason::ClockSkew);
    conversation.close().await;
    serves.stop().await;
}

#[tokio::test]
async fn a_reference_past_its_date_is_not_released() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let mut credential = hospital.credential(TEMPLATE, &[5; 32]);
    credential.expires_at = hospital.now() + SignedDuration::from_hours(1);
    let holder = Holder::load(&phone).unwrap().unwrap();
    holder.store(&hospital.reference(&credential), hospital.now()).unwrap();
    let serves = hospital.serve(&phone);
    let ward = hospital.workstation(1);
    hospital.clock.advance(SignedDuration::from_hours(2));
    let answer = ward.say(&Message::TapRequest(ward.request())).await;
    let Message::Declined(declined) = answer else { panic!("{answer:?}") };
    assert_eq!(declined.reason, DeclineReason::NoReference);
    assert!(declined.detail.contains("expired"), "{}", declined.detail);
    serves.stop().await;
}

#[tokio::test]
async fn the_owner_is_asked_when_she_wants_to_be() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let serves = hospital.serve_with(&phone, |serving| serving.consent(Consent::OnPhone));
    let ward = hospital.workstation(1);
    *serves.notes.agrees.lock().unwrap() = Some(false);
    let answer = ward.say(&Message::TapRequest(ward.request())).await;
    assert!(matches!(answer, Message::Declined(d) if d.reason == DeclineReason::NotWilling));
    *serves.notes.agrees.lock().unwrap() = Some(true);
    let answer = ward.say(&Message::TapRequest(ward.request())).await;
    let Message::TapResponse(response) = answer else { panic!("{answer:?}") };
    assert_eq!(verified(&hospital, &response).intent, Intent::Phone);
    serves.stop().await;
}

#[tokio::test]
async fn asked_whether_it_is_here_a_phone_signs_and_keeps_the_face() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let serves = hospital.serve(&phone);
    let ward = hospital.workstation(1);
    let mut conversation = ward.connect().await.unwrap();
    let exporter = conversation.exporter();
    let request = TapRequest { purpose: Purpose::Unlock, ..ward.request() };
    let answer = ask(&mut conversation, &Message::PresenceRequest(request)).await;
    let Message::PresenceResponse(response) = answer else { panic!("{answer:?}") };
    let holder = Holder::load(&hospital.open()).unwrap().unwrap();
    let statement = UnverifiedPresenceStatement::parse(&response.statement).unwrap();
    assert_eq!(statement.phone(), hospital.phone);
    let statement = statement.verify(holder.signer.public_key()).unwrap();
    let expected = PresenceStatement {
        challenge: [9; 32],
        workstation: ward.identity.spiffe_id.clone(),
        exporter,
        purpose: Purpose::Unlock,
        intent: Intent::Screen,
        at: hospital.now(),
    };
    assert_eq!(statement, expected, "and there was no face to release");
    conversation.close().await;
    let said = serves.sentences();
    assert!(said.iter().any(|line| line.contains("this phone alone")), "{said:?}");
    serves.stop().await;
}

#[tokio::test]
async fn a_workstation_cannot_claim_a_press_on_the_phone() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let serves = hospital.serve(&phone);
    *serves.notes.agrees.lock().unwrap() = Some(false);
    let ward = hospital.workstation(1);
    let mut request = ward.request();
    request.intent = Intent::Phone;
    let answer = ward.say(&Message::TapRequest(request)).await;
    assert!(matches!(answer, Message::Declined(d) if d.reason == DeclineReason::NotWilling));
    serves.stop().await;
}

#[tokio::test]
async fn one_request_is_answered_at_a_time() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let serves = hospital.serve_with(&phone, |serving| serving.consent(Consent::OnPhone));
    let (first, second) = (hospital.workstation(1), hospital.workstation(2));
    let mut waiting = first.connect().await.unwrap();
    waiting.send(&Message::TapRequest(first.request())).await.unwrap();
    serves.notes.asked.notified().await;
    let answer = second.say(&Message::TapRequest(second.request())).await;
    assert!(matches!(answer, Message::Declined(d) if d.reason == DeclineReason::Busy));
    serves.stop().await;
}
