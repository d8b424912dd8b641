use imp_authenticator::{
    DeclineReason, Message, ReferenceCredential, StoreReference, UnverifiedStorageStatement,
    reference_digest,
};
use imp_identity::{PhoneId, Secret, UserId};
use jiff::SignedDuration;
use uuid::Uuid;

use super::hospital::{Hospital, TEMPLATE, ask};
use super::log::accepted;
use crate::holder::Holder;
use crate::{ReferenceStatus, StoreError};

fn store(
    hospital: &Hospital,
    change: impl FnOnce(&mut ReferenceCredential),
) -> Result<(), StoreError> {
    let holder = Holder::load(&hospital.open()).unwrap().unwrap();
    let mut credential = hospital.credential(TEMPLATE, &[5; 32]);
    change(&mut credential);
    holder.store(&hospital.reference(&credential), hospital.now()).map(|_| ())
}

#[tokio::test]
async fn the_phone_says_what_it_sealed() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let serves = hospital.serve(&phone);
    let desk = hospital.workstation(1);
    let answer = desk.say(&Message::StoreReference(hospital.enrolment())).await;
    let Message::ReferenceStored(stored) = answer else { panic!("{answer:?}") };
    let statement = UnverifiedStorageStatement::parse(&stored.statement).unwrap();
    let holder = Holder::load(&phone).unwrap().unwrap();
    let statement = statement.verify(holder.signer.public_key()).unwrap();
    assert_eq!(statement.digest, reference_digest(&[5; 32], TEMPLATE));
    let status = phone.status(hospital.now()).unwrap();
    assert!(matches!(status.reference, ReferenceStatus::Enrolled { .. }), "{status:?}");
    serves.stop().await;
}

#[test]
fn only_what_the_server_signed_for_this_phone_is_stored() {
    let hospital = Hospital::new();
    let stranger = UserId::from(Uuid::from_u128(99));
    let refused = store(&hospital, |c| c.user = stranger);
    assert!(matches!(refused, Err(StoreError::SomebodyElse)));
    let refused = store(&hospital, |c| c.phone = PhoneId::from(Uuid::from_u128(99)));
    assert!(matches!(refused, Err(StoreError::SomebodyElse)));
    let refused = store(&hospital, |c| c.digest = reference_digest(&[5; 32], b"another face"));
    assert!(matches!(refused, Err(StoreError::Digest)));
    let refused = store(&hospital, |c| c.expires_at = hospital.now());
    assert!(matches!(refused, Err(StoreError::NotNow)));
    let refused = store(&hospital, |c| c.enrolled_at += SignedDuration::from_hours(1));
    assert!(matches!(refused, Err(StoreError::NotNow)));
    store(&hospital, |_| {}).unwrap();
    let refused = store(&hospital, |c| c.enrolled_at -= SignedDuration::from_hours(1));
    assert!(matches!(refused, Err(StoreError::Older)));
}

#[tokio::test]
async fn a_credential_of_another_server_is_declined() {
    let (hospital, elsewhere) = (Hospital::new(), Hospital::new());
    let serves = hospital.serve(&hospital.open());
    let desk = hospital.workstation(1);
    let answer = desk.say(&Message::StoreReference(elsewhere.enrolment())).await;
    assert!(
        matches!(answer, Message::Declined(d) if d.reason == DeclineReason::UntrustedReference)
    );
    let mut swapped = hospital.enrolment();
    swapped.reference.template = Secret::new(b"another face".to_vec());
    let answer = desk.say(&Message::StoreReference(StoreReference { ..swapped })).await;
    assert!(
        matches!(answer, Message::Declined(d) if d.reason == DeclineReason::UntrustedReference)
    );
    serves.stop().await;
}

#[tokio::test]
async fn receipts_are_verified_kept_once_and_shown() {
    let (hospital, elsewhere) = (Hospital::new(), Hospital::new());
    let phone = hospital.open();
    let serves = hospital.serve(&phone);
    let mut conversation = hospital.workstation(1).connect().await.unwrap();
    let taps = [1, 2].map(|number| hospital.happens(accepted(hospital.user, number)).receipt());
    for tap in [&taps[0], &taps[1], &taps[0]] {
        let answer = ask(&mut conversation, &hospital.delivery(tap)).await;
        assert!(matches!(answer, Message::Acknowledged), "{answer:?}");
    }
    let foreign = elsewhere.happens(accepted(elsewhere.user, 3)).receipt();
    let answer = ask(&mut conversation, &elsewhere.delivery(&foreign)).await;
    assert!(matches!(answer, Message::Declined(_)), "{answer:?}");
    let sentences = serves.sentences();
    assert!(
        sentences.contains(&"receipt stored: tap-accepted, number 1 in the log, proven".to_owned())
    );
    serves.stop().await;
    let uses = hospital.open().uses().unwrap();
    assert_eq!(
        uses.uses.iter().map(|u| (u.index, u.verified)).collect::<Vec<_>>(),
        [(0, true), (1, true)]
    );
    let table = uses.table(&jiff::tz::TimeZone::UTC);
    let line = "2026-11-22 07:05  tap-accepted         tap-in   Ward 3, bed 7  (number 0 in the log, proven)";
    assert!(table.contains(line), "{table}");
}

#[test]
fn a_forged_receipt_in_the_file_is_shown_as_forged() {
    let (hospital, elsewhere) = (Hospital::new(), Hospital::new());
    let phone = hospital.open();
    let forged = elsewhere.happens(accepted(elsewhere.user, 1)).receipt();
    let forged = forged.sign(elsewhere.statement.as_ref()).unwrap();
    crate::journal::RECEIPTS.append(phone.state(), &forged).unwrap();
    let uses = phone.uses().unwrap();
    assert!(!uses.uses[0].verified);
    assert!(
        uses.table(&jiff::tz::TimeZone::UTC).contains("NOT VALID: it is not signed by the server")
    );
}
