use imp_authenticator::{
    DeclineReason, Message, TapRequest, TapResponse, UnverifiedTapStatement, reference_digest,
};
use jiff::SignedDuration;

use super::hospital::{Hospital, TEMPLATE, Workstation, ask};
use crate::Misbehaviour;

async fn tap(workstation: &Workstation, request: TapRequest) -> (TapResponse, [u8; 32]) {
    let mut conversation = workstation.connect().await.unwrap();
    let exporter = conversation.exporter();
    let answer = ask(&mut conversation, &Message::TapRequest(request)).await;
    conversation.close().await;
    let Message::TapResponse(response) = answer else { panic!("{answer:?}") };
    (response, exporter)
}

async fn tap_with(misbehaviour: Misbehaviour) -> (Hospital, Workstation, TapResponse, [u8; 32]) {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let serves = hospital.serve_with(&phone, |serving| serving.misbehaving(misbehaviour));
    let ward = hospital.workstation(1);
    let (response, exporter) = tap(&ward, ward.request()).await;
    serves.stop().await;
    (hospital, ward, response, exporter)
}

#[tokio::test]
async fn a_replaying_phone_repeats_its_first_statement_also_after_a_restart() {
    let (hospital, ward, first, _) = tap_with(Misbehaviour::Replay).await;
    let serves =
        hospital.serve_with(&hospital.open(), |serving| serving.misbehaving(Misbehaviour::Replay));
    let mut request = ward.request();
    request.challenge = [10; 32];
    let (second, _) = tap(&ward, request).await;
    assert_eq!(first.statement, second.statement);
    serves.stop().await;
}

#[tokio::test]
async fn a_swapping_phone_lies_about_what_it_released() {
    let other = b"another face".to_vec();
    for template in [None, Some(other.into())] {
        let (.., response, _) = tap_with(Misbehaviour::SwapTemplate { template }).await;
        let statement = UnverifiedTapStatement::parse(&response.statement).unwrap();
        let enrolled = reference_digest(&[5; 32], TEMPLATE);
        assert_eq!(statement.claims().reference_digest, enrolled);
        let reference = &response.reference;
        assert_ne!(
            reference_digest(reference.salt.expose(), reference.template.expose()),
            enrolled
        );
    }
}

#[tokio::test]
async fn a_phone_that_swaps_the_key_says_nothing_of_it() {
    let (.., response, _) = tap_with(Misbehaviour::SwapKey).await;
    let statement = UnverifiedTapStatement::parse(&response.statement).unwrap();
    let reference = &response.reference;
    assert_eq!(
        statement.claims().reference_digest,
        reference_digest(reference.salt.expose(), reference.template.expose())
    );
    assert_ne!(reference.key.as_ref().unwrap().expose(), &[6; 32]);
}

#[tokio::test]
async fn lies_about_place_and_session_are_signed() {
    let (_, ward, response, exporter) = tap_with(Misbehaviour::OtherWorkstation).await;
    let statement = UnverifiedTapStatement::parse(&response.statement).unwrap();
    assert_ne!(statement.claims().workstation, ward.identity.spiffe_id);
    assert_eq!(statement.claims().exporter, exporter);
    let (_, ward, response, exporter) = tap_with(Misbehaviour::OtherExporter).await;
    let statement = UnverifiedTapStatement::parse(&response.statement).unwrap();
    assert_eq!(statement.claims().workstation, ward.identity.spiffe_id);
    assert_ne!(statement.claims().exporter, exporter);
}

#[tokio::test]
async fn an_expired_request_is_answered_by_the_dishonest_only() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let ward = hospital.workstation(1);
    let mut request = ward.request();
    request.expires_at = hospital.now() - SignedDuration::from_mins(5);
    let serves = hospital.serve(&phone);
    let answer = ward.say(&Message::TapRequest(request.clone())).await;
    assert!(matches!(answer, Message::Declined(d) if d.reason == DeclineReason::Expired));
    serves.stop().await;
    let serves =
        hospital.serve_with(&phone, |serving| serving.misbehaving(Misbehaviour::ExpiredRequest));
    let expires_at = request.expires_at;
    let (response, _) = tap(&ward, request).await;
    let statement = UnverifiedTapStatement::parse(&response.statement).unwrap();
    assert!(statement.claims().at < expires_at);
    serves.stop().await;
}
