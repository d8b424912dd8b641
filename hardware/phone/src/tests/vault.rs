use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use imp_identity::{PhoneId, UserId};
use uuid::Uuid;

use super::hospital::{Hospital, TEMPLATE};
use super::log::accepted;
use crate::TapError;
use crate::holder::Holder;
use crate::state::Entry;
use crate::vault::{Owner, VaultError};

#[test]
fn a_seal_opens_only_for_its_user_phone_reference_and_model_set() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let holder = Holder::load(&phone).unwrap().unwrap();
    let (credential, stored) = holder.enrolled().unwrap().unwrap();
    let open = |owner, credential: &_| phone.vault().open(owner, credential, &stored);
    let owner = holder.owner();
    assert_eq!(open(owner, &credential).unwrap().template.expose(), TEMPLATE);

    let refused = |result| matches!(result, Err(VaultError::Keystore(_)));
    let user = UserId::from(Uuid::from_u128(99));
    assert!(refused(open(Owner { user, ..owner }, &credential)));
    let other = PhoneId::from(Uuid::from_u128(99));
    assert!(refused(open(Owner { phone: other, ..owner }, &credential)));
    let mut relabelled = credential.clone();
    relabelled.model_set = "imp-face@2".to_owned();
    assert!(refused(open(owner, &relabelled)));
    let mut relabelled = credential.clone();
    relabelled.reference = imp_identity::ReferenceId::from(Uuid::from_u128(99));
    assert!(refused(open(owner, &relabelled)));
}

#[test]
fn a_file_with_one_byte_changed_releases_nothing() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let holder = Holder::load(&phone).unwrap().unwrap();
    let path = phone.state().path(Entry::Reference);
    let whole = fs::read(&path).unwrap();
    holder.release(hospital.now()).unwrap();
    for place in 0..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        let refused = holder.release(hospital.now());
        assert!(
            matches!(refused, Err(TapError::Storage(_) | TapError::Credential(_))),
            "byte {place}: {refused:?}"
        );
    }
    for length in [0, 5, 6, 20, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        holder.release(hospital.now()).unwrap_err();
    }
}

#[test]
fn the_template_s_key_is_sealed_apart_under_another_key() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let holder = Holder::load(&phone).unwrap().unwrap();
    let (_, released) = holder.release(hospital.now()).unwrap();
    assert_eq!(released.key.unwrap().expose(), &[6; 32]);

    // Without its record, with a changed one, or with the other keystore key gone, nothing is released.
    let path = phone.state().path(Entry::TemplateKeyA);
    let whole = fs::read(&path).unwrap();
    assert!(!whole.windows(8).any(|window| window == [6; 8]));
    let refused = || matches!(holder.release(hospital.now()), Err(TapError::Storage(_)));
    for place in 0..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        assert!(refused(), "byte {place}");
    }
    fs::remove_file(&path).unwrap();
    assert!(refused());
    fs::write(&path, &whole).unwrap();
    assert!(!refused());
    phone.keystore().delete("phone-template-key-a").unwrap();
    assert!(refused());
    hospital.enrol(&phone);
    phone.keystore().delete("phone-reference-b").unwrap();
    assert!(refused());
}

#[test]
fn a_reference_that_cannot_be_opened_is_replaced_by_a_new_one() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    fs::remove_file(phone.state().path(Entry::TemplateKeyA)).unwrap();
    hospital.enrol(&phone);
    Holder::load(&phone).unwrap().unwrap().release(hospital.now()).unwrap();
}

#[test]
fn a_reference_of_the_time_before_keys_is_still_released_and_cannot_be_made_of_a_newer_one() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    let holder = Holder::load(&phone).unwrap().unwrap();
    let mut reference = hospital.enrolment().reference;
    reference.key = None;
    holder.store(&reference, hospital.now()).unwrap();
    assert!(!phone.state().path(Entry::TemplateKeyA).exists());
    assert!(holder.release(hospital.now()).unwrap().1.key.is_none());

    hospital.enrol(&phone);
    let path = phone.state().path(Entry::Reference);
    let mut bytes = fs::read(&path).unwrap();
    assert_eq!(bytes[4], 2);
    bytes[4] = 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(holder.release(hospital.now()), Err(TapError::Storage(_))));
}

#[test]
fn everything_is_readable_by_its_owner_only() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let receipt = hospital.happens(accepted(hospital.user, 1)).receipt();
    let receipt = receipt.sign(hospital.statement.as_ref()).unwrap();
    let holder = Holder::load(&phone).unwrap().unwrap();
    holder.keep(&receipt, hospital.now()).unwrap();
    holder.keep(b"rubbish", hospital.now()).unwrap_err();
    let mut names = Vec::new();
    for entry in fs::read_dir(hospital.state()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    for name in ["binding.json", "reference", "template-key-a", "receipts", "evidence"] {
        assert!(names.iter().any(|n| n == name), "{names:?}");
    }
    let clear = [fs::read(phone.state().path(Entry::Reference)).unwrap()].concat();
    assert!(!clear.windows(16).any(|window| TEMPLATE.windows(16).any(|part| part == window)));
}

#[test]
fn a_new_reference_destroys_the_key_of_the_old_one() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let path = phone.state().path(Entry::Reference);
    let old = fs::read(&path).unwrap();
    let old_key = fs::read(phone.state().path(Entry::TemplateKeyA)).unwrap();
    hospital.enrol(&phone);
    assert!(!phone.state().path(Entry::TemplateKeyA).exists());
    fs::write(phone.state().path(Entry::TemplateKeyA), old_key).unwrap();
    let holder = Holder::load(&phone).unwrap().unwrap();
    holder.release(hospital.now()).unwrap();
    fs::write(&path, &old).unwrap();
    assert!(matches!(holder.release(hospital.now()), Err(TapError::Storage(_))));
}

#[test]
fn a_reference_that_the_storage_does_not_yield_is_not_taken_for_none() {
    let hospital = Hospital::new();
    let phone = hospital.open();
    hospital.enrol(&phone);
    let holder = Holder::load(&phone).unwrap().unwrap();
    let path = phone.state().path(Entry::Reference);
    let whole = fs::read(&path).unwrap();
    // Reading a folder fails as a disk does.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    holder.store(&hospital.enrolment().reference, hospital.now()).unwrap_err();
    fs::remove_dir(&path).unwrap();
    fs::write(&path, &whole).unwrap();
    holder.release(hospital.now()).unwrap();

    // A damaged record is none.
    fs::write(&path, b"rubbish").unwrap();
    hospital.enrol(&phone);
    holder.release(hospital.now()).unwrap();
}
