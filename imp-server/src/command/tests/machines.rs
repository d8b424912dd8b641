//! `invite_workstation`, `enrol_workstation`, `revoke_workstation`, `list_workstations`, `authenticate_*`,
//! `record_certificate`, `roster`
use std::sync::Arc;

use imp_authenticator::{Roster, Signer as _, UnverifiedRoster};
use imp_identity::invitation::{Code, InvitationError};
use imp_identity::phone::{PhoneError, Revocation};
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::tap::Purpose;
use imp_identity::workstation::{Place, WorkstationError};
use imp_identity::{Actor, PhoneId, WorkstationId};
use imp_storage::testing;
use jiff::SignedDuration;
use rand::SeedableRng as _;
use uuid::Uuid;

use super::hospital::{Hospital, Key};
use super::{Ward, hospitals, wards};
use crate::command::{
    AuthenticateMachineError, BindPhoneError, Certificate, EnrolWorkstationError,
    RecordCertificateError, RedeemSignInCodeError, RevokeWorkstationError, RosterCache,
    RosterError, authenticate_phone, authenticate_workstation, bind_phone, disable_user,
    enrol_workstation, invite_workstation, list_workstations, record_certificate,
    redeem_sign_in_code, revoke_workstation, roster, sessions_of_workstation,
};
use crate::store::{MIGRATIONS, Tables as _};

#[tokio::test]
async fn a_workstation_enrols_once_and_may_repeat_itself() {
    for mut hospital in hospitals().await {
        let context = &mut hospital.context();
        let name = "Ward 3".parse().unwrap();
        let invited =
            invite_workstation(context, Actor::Server, name, Place::default()).await.unwrap();
        let key = Key::generate().public_key().to_vec();
        let context = &mut hospital.context();
        let first = enrol_workstation(context, &invited.code, key.clone()).await.unwrap();
        assert_eq!(first.id, invited.workstation);
        let again = enrol_workstation(&mut hospital.context(), &invited.code, key.clone()).await;
        assert_eq!(again.unwrap(), first);
        let events = hospital.events_after(0).await;
        assert_eq!(events, ["workstation-invited", "workstation-enrolled"]);
        let other = Key::generate().public_key().to_vec();
        let refused = enrol_workstation(&mut hospital.context(), &invited.code, other).await;
        let enrolled = WorkstationError::AlreadyEnrolled;
        assert!(matches!(refused, Err(EnrolWorkstationError::Refused(e)) if e == enrolled));
        let refused = enrol_workstation(&mut hospital.context(), &invited.code, vec![1]).await;
        assert!(matches!(refused, Err(EnrolWorkstationError::PublicKey(_))));
    }
}

#[tokio::test]
async fn an_invitation_of_a_workstation_runs_out() {
    for mut hospital in hospitals().await {
        let context = &mut hospital.context();
        let name = "Ward 3".parse().unwrap();
        let invited =
            invite_workstation(context, Actor::Server, name, Place::default()).await.unwrap();
        hospital.advance(SignedDuration::from_hours(24));
        let key = Key::generate().public_key().to_vec();
        let refused = enrol_workstation(&mut hospital.context(), &invited.code, key).await;
        let expired = WorkstationError::Invitation(InvitationError::Expired);
        assert!(matches!(refused, Err(EnrolWorkstationError::Refused(e)) if e == expired));
    }
}

#[tokio::test]
async fn a_wrong_code_waits_for_no_writer() {
    let directory = tempfile::tempdir().unwrap();
    for storage in testing::both_concurrent(directory.path(), &MIGRATIONS).await {
        let mut hospital = Hospital::new(storage);
        let storage = hospital.storage.clone();
        let writer = storage.begin().await.unwrap();
        let code = Code::generate(&mut rand::rngs::StdRng::seed_from_u64(99));
        let key = Key::generate().public_key().to_vec();
        let refused = enrol_workstation(&mut hospital.context(), &code, key.clone()).await;
        let wrong = WorkstationError::Invitation(InvitationError::Wrong);
        assert!(matches!(refused, Err(EnrolWorkstationError::Refused(e)) if e == wrong));
        let refused = bind_phone(&mut hospital.context(), &code, key).await;
        let wrong = PhoneError::Invitation(InvitationError::Wrong);
        assert!(matches!(refused, Err(BindPhoneError::Refused(e)) if e == wrong));
        let refused = redeem_sign_in_code(&mut hospital.context(), &code, None).await;
        assert!(matches!(refused, Err(RedeemSignInCodeError::Invalid)));
        drop(writer);
    }
}

#[tokio::test]
async fn a_withdrawn_workstation_ends_its_sessions_and_does_not_count() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let key = desk.key.public_key();
        authenticate_workstation(&hospital.storage, desk.id, key).await.unwrap();
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let place = hospital.place().await;
        let reason = Revocation::Lost;
        let context = &mut hospital.context();
        revoke_workstation(context, Actor::Server, desk.id, reason).await.unwrap();
        let events = hospital.events_after(place).await;
        assert_eq!(events, ["workstation-revoked", "session-revoked"]);
        let now = hospital.now;
        let left = sessions_of_workstation(&hospital.storage, desk.id, now).await.unwrap();
        assert_eq!(left, []);
        let refused = authenticate_workstation(&hospital.storage, desk.id, key).await;
        assert!(matches!(refused, Err(AuthenticateMachineError::Revoked)));
        let context = &mut hospital.context();
        let again = revoke_workstation(context, Actor::Server, desk.id, reason).await;
        assert!(matches!(again, Err(RevokeWorkstationError::AlreadyRevoked)));
        let nobody = WorkstationId::from(Uuid::from_u128(8));
        let context = &mut hospital.context();
        let refused = revoke_workstation(context, Actor::Server, nobody, reason).await;
        assert!(matches!(refused, Err(RevokeWorkstationError::NotFound)));
        let cache = RosterCache::default();
        let refused = roster(&hospital.context(), &cache, desk.id).await;
        assert!(matches!(refused, Err(RosterError::WorkstationRevoked)));
    }
}

#[tokio::test]
async fn a_machine_is_known_by_its_name_and_key() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let storage = hospital.storage.clone();
        authenticate_phone(&storage, nurse.phone, nurse.key.public_key()).await.unwrap();
        let other = authenticate_phone(&storage, nurse.phone, desk.key.public_key()).await;
        assert!(matches!(other, Err(AuthenticateMachineError::OtherKey)));
        let other = authenticate_workstation(&storage, desk.id, nurse.key.public_key()).await;
        assert!(matches!(other, Err(AuthenticateMachineError::OtherKey)));
        let nobody = PhoneId::from(Uuid::from_u128(8));
        let unknown = authenticate_phone(&storage, nobody, nurse.key.public_key()).await;
        assert!(matches!(unknown, Err(AuthenticateMachineError::Unknown)));
        hospital.advance(SignedDuration::from_secs(1));
        let context = &mut hospital.context();
        let name = "Ward 4".parse().unwrap();
        let invited =
            invite_workstation(context, Actor::Server, name, Place::default()).await.unwrap();
        let key = desk.key.public_key();
        let unknown = authenticate_workstation(&storage, invited.workstation, key).await;
        assert!(matches!(unknown, Err(AuthenticateMachineError::Unknown)));
        let page = list_workstations(&storage, Some(desk.id), 10).await.unwrap();
        assert_eq!(page.items.len(), 1);
    }
}

#[tokio::test]
async fn certificates_are_recorded() {
    for mut hospital in hospitals().await {
        let machine = Machine::Phone(PhoneId::from(Uuid::from_u128(1)));
        let spiffe_id = SpiffeId { trust_domain: hospital.trust_domain.clone(), machine };
        let certificate = Certificate {
            serial: "01ab".to_owned(),
            spiffe_id: spiffe_id.clone(),
            expires_at: hospital.now + SignedDuration::from_hours(24),
            issuance: None,
            withdrawal: None,
        };
        let context = &mut hospital.context();
        record_certificate(context, Actor::Server, certificate.clone()).await.unwrap();
        assert_eq!(hospital.events_after(0).await, ["certificate-issued"]);
        let context = &mut hospital.context();
        let again = record_certificate(context, Actor::Server, certificate.clone()).await;
        let RecordCertificateError::Storage(error) = again.unwrap_err() else { panic!("signed") };
        assert!(error.is_unique_violation());
        let mut transaction = hospital.storage.read().await.unwrap();
        assert_eq!(transaction.certificates().of(&spiffe_id).await.unwrap(), [certificate]);
    }
}

fn read(hospital: &Hospital, bytes: &[u8]) -> Roster {
    let roster = UnverifiedRoster::parse(bytes).unwrap();
    roster.verify_by_server(&[hospital.signer.public_key()]).unwrap()
}

#[tokio::test]
async fn the_roster_names_bound_phones_and_follows_changes() {
    for Ward { mut hospital, desk, nurse, officer } in wards().await {
        let cache = RosterCache::default();
        let bytes = roster(&hospital.context(), &cache, desk.id).await.unwrap();
        let signed = read(&hospital, &bytes);
        assert!(signed.is_current(hospital.now) && signed.policy_version == 1);
        let [entry] = signed.entries.as_slice() else { panic!("{:?}", signed.entries) };
        assert_eq!((entry.phone, entry.user, entry.active), (nurse.phone, nurse.user.id, true));
        assert_eq!(entry.public_key, nurse.key.public_key());
        assert_eq!(entry.reference.map(|(_, digest)| digest), Some(nurse.digest));

        hospital.advance(SignedDuration::from_mins(29));
        let same = roster(&hospital.context(), &cache, desk.id).await.unwrap();
        assert!(Arc::ptr_eq(&bytes, &same), "unchanged and fresh");
        hospital.advance(SignedDuration::from_mins(1));
        let renewed = roster(&hospital.context(), &cache, desk.id).await.unwrap();
        assert_eq!(read(&hospital, &renewed).issued_at, hospital.now);

        hospital.nurse("bea", officer.id, &desk).await;
        let context = &mut hospital.context();
        disable_user(context, Actor::Server, nurse.user.id).await.unwrap();
        let changed = roster(&hospital.context(), &cache, desk.id).await.unwrap();
        let changed = read(&hospital, &changed);
        assert_eq!(changed.entries.len(), 2);
        assert!(!changed.entry(nurse.phone).unwrap().active);
    }
}
