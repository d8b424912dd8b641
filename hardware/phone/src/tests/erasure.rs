use std::fs;

use imp_authenticator::{DeclineReason, Message};

use super::hospital::Hospital;
use crate::holder::Holder;
use crate::state::Entry;
use crate::{Erase, ReferenceStatus, StoreError, TapError, Told};

#[tokio::test]
async fn an_erased_reference_is_gone_even_with_a_copy_of_its_file() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let path = phone.state().path(Entry::Reference);
    let copy = fs::read(&path).unwrap();
    let key_path = phone.state().path(Entry::TemplateKeyA);
    let key_copy = fs::read(&key_path).unwrap();
    let erased = phone.erase(Erase::default(), hospital.clock.clone()).await.unwrap();
    assert!(erased.reference);
    assert!(!erased.everything);
    // The server of this hospital is not there.
    assert!(matches!(erased.told, Told::NotYet(_)), "{erased:?}");
    assert!(!path.exists());
    assert!(!key_path.exists());
    let holder = Holder::load(&phone).unwrap().unwrap();
    assert!(matches!(holder.release(hospital.now()), Err(TapError::NoReference)));
    fs::write(&path, copy).unwrap();
    fs::write(&key_path, key_copy).unwrap();
    assert!(matches!(holder.release(hospital.now()), Err(TapError::Storage(_))));
}

#[tokio::test]
async fn a_running_phone_releases_nothing_after_an_erasure() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let serves = hospital.serve(&phone);
    let ward = hospital.workstation(1);
    ward.hear().await;
    phone.erase(Erase::default(), hospital.clock.clone()).await.unwrap();
    let answer = ward.say(&Message::TapRequest(ward.request())).await;
    assert!(matches!(answer, Message::Declined(d) if d.reason == DeclineReason::NoReference));
    serves.stop().await;
}

#[tokio::test]
async fn an_erasure_that_was_killed_is_finished_at_the_next_start_and_remembered() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    // What a kill between the marker and the deletion leaves behind.
    phone.state().write(Entry::Erasure, b"{}").unwrap();
    let phone = hospital.open();
    let status = phone.status(hospital.now()).unwrap();
    assert!(matches!(status.reference, ReferenceStatus::None));
    assert!(status.erasure_to_be_told);
    let holder = Holder::load(&phone).unwrap().unwrap();
    let refused = holder.store(&hospital.enrolment().reference, hospital.now());
    assert!(matches!(refused, Err(StoreError::ErasurePending)));
}

#[tokio::test]
async fn everything_goes_when_it_is_meant() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let kept = phone.erase(Erase { everything: true, force: false }, hospital.clock.clone()).await;
    assert!(!kept.unwrap().everything);
    assert!(phone.status(hospital.now()).unwrap().binding.is_some());
    let gone = phone.erase(Erase { everything: true, force: true }, hospital.clock.clone()).await;
    assert!(gone.unwrap().everything);
    let status = hospital.open().status(hospital.now()).unwrap();
    assert!(status.binding.is_none());
    assert!(phone.keystore().load("phone-device-a").unwrap().is_none());
}

#[test]
fn a_reference_of_a_former_binding_does_not_outlive_it() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let mut binding = crate::binding::Binding::load(phone.state()).unwrap().unwrap();
    binding.phone = imp_identity::PhoneId::from(uuid::Uuid::from_u128(77));
    binding.save(phone.state()).unwrap();
    let phone = hospital.open();
    assert!(phone.vault().load().unwrap().is_none());
}
