//! `open_enrolment`, `enrolment_status`, `bind_phone`, `issue_reference`, `confirm_reference`, `erase_reference`,
//! `revoke_phone`
use imp_authenticator::{
    Signer as _, StatementError, StorageStatement, UnverifiedReceipt, UnverifiedReferenceCredential,
};
use imp_identity::enrolment::EnrolmentError;
use imp_identity::invitation::{Code, InvitationError};
use imp_identity::phone::{PhoneError, Revocation, State};
use imp_identity::policy::{ModelSetFloor, Policy};
use imp_identity::reference::ReferenceError;
use imp_identity::tap::Purpose;
use imp_identity::user::{Role, User};
use imp_identity::{Actor, Digest, EnrolmentId, PhoneId, ReferenceId, UserId, WorkstationId};
use jiff::SignedDuration;
use rand::SeedableRng as _;
use uuid::Uuid;

use super::hospital::{Desk, Hospital, Key, MODEL_SET};
use super::{Ward, hospitals, wards};
use crate::command::{
    BindPhoneError, ConfirmReference, ConfirmReferenceError, EnrolmentOpened, EraseReferenceError,
    IssueReference, IssueReferenceError, OpenEnrolment, OpenEnrolmentError, ReferenceIssued,
    RevokePhoneError, bind_phone, confirm_reference, disable_user, enrolment_status,
    erase_reference, issue_reference, open_enrolment, phones_of_user, revoke_phone, set_policy,
};

/// An enrolment under way.
struct Sitting {
    hospital: Hospital,
    officer: User,
    desk: Desk,
    user: User,
    opened: EnrolmentOpened,
}

async fn sittings() -> Vec<Sitting> {
    let mut sittings = vec![];
    for mut hospital in hospitals().await {
        let officer = hospital.user("grace", Role::Officer).await;
        let desk = hospital.desk("Enrolment").await;
        let user = hospital.user("ada", Role::Staff).await;
        let opened = hospital.open_enrolment(&user, officer.id, &desk).await;
        sittings.push(Sitting { hospital, officer, desk, user, opened });
    }
    sittings
}

impl Sitting {
    async fn bind(&mut self, key: &Key) -> Result<PhoneId, BindPhoneError> {
        let context = &mut self.hospital.context();
        let bound = bind_phone(context, &self.opened.code, key.public_key().to_vec()).await?;
        Ok(bound.phone.id)
    }

    fn request(&self, digest: Digest) -> IssueReference {
        IssueReference {
            officer: self.officer.id,
            workstation: self.desk.id,
            enrolment: self.opened.enrolment.id,
            digest,
            model_set: MODEL_SET.to_owned(),
        }
    }

    async fn issue(&mut self, digest: Digest) -> Result<ReferenceIssued, IssueReferenceError> {
        let request = self.request(digest);
        issue_reference(&mut self.hospital.context(), request).await
    }

    fn stored(&self, reference: ReferenceId, digest: Digest, key: &Key) -> Vec<u8> {
        let stored = StorageStatement { reference, digest, at: self.hospital.now };
        stored.sign(self.opened.enrolment.phone, key).unwrap()
    }

    async fn confirm(&mut self, statement: &[u8]) -> Result<Vec<u8>, ConfirmReferenceError> {
        let request = ConfirmReference {
            officer: self.officer.id,
            workstation: self.desk.id,
            enrolment: self.opened.enrolment.id,
            statement,
        };
        confirm_reference(&mut self.hospital.context(), request).await
    }
}

#[tokio::test]
async fn an_enrolment_binds_a_phone_and_activates_a_reference() {
    for mut sitting in sittings().await {
        let (key, digest) = (Key::generate(), Digest::of(&[b"face"]));
        let enrolment = sitting.opened.enrolment.id;
        let storage = sitting.hospital.storage.clone();
        let status = enrolment_status(&storage, enrolment).await.unwrap().unwrap();
        assert!(matches!(status.phone.state, State::Invited(_)));
        let place = sitting.hospital.place().await;
        sitting.bind(&key).await.unwrap();
        let status = enrolment_status(&storage, enrolment).await.unwrap().unwrap();
        assert!(status.phone.binding().is_some());

        let issued = sitting.issue(digest).await.unwrap();
        let credential = UnverifiedReferenceCredential::parse(&issued.credential).unwrap();
        let credential =
            credential.verify_by_server(&[sitting.hospital.signer.public_key()]).unwrap();
        assert_eq!((credential.digest, credential.user), (digest, sitting.user.id));
        assert_eq!(credential.enrolled_by, sitting.officer.id);

        let statement = sitting.stored(issued.reference.id, digest, &key);
        let receipt = sitting.confirm(&statement).await.unwrap();
        assert_eq!(
            sitting.hospital.events_after(place).await,
            ["phone-bound", "reference-issued", "reference-activated", "enrolment-completed"]
        );
        let read = UnverifiedReceipt::parse(&receipt).unwrap();
        let read = read.verify_by_server(&[sitting.hospital.signer.public_key()]).unwrap();
        assert_eq!((read.kind.as_str(), read.user), ("enrolment-completed", Some(sitting.user.id)));
        let place = sitting.hospital.place().await;
        assert_eq!(sitting.confirm(&statement).await.unwrap(), receipt, "repeated");
        assert_eq!(sitting.hospital.place().await, place);
        let another = sitting.issue(digest).await;
        let completed = EnrolmentError::Completed;
        assert!(matches!(another, Err(IssueReferenceError::Enrolment(e)) if e == completed));
    }
}

#[tokio::test]
async fn binding_may_be_repeated_with_the_same_key_only() {
    for mut sitting in sittings().await {
        let key = Key::generate();
        let context = &mut sitting.hospital.context();
        let code = sitting.opened.code.clone();
        let first = bind_phone(context, &code, key.public_key().to_vec()).await.unwrap();
        let place = sitting.hospital.place().await;
        sitting.hospital.advance(SignedDuration::from_mins(1));
        let context = &mut sitting.hospital.context();
        let again = bind_phone(context, &code, key.public_key().to_vec()).await.unwrap();
        assert_eq!(again, first);
        assert_eq!(sitting.hospital.place().await, place);
        let other = sitting.bind(&Key::generate()).await;
        assert!(matches!(other, Err(BindPhoneError::Refused(PhoneError::AlreadyBound))));
        sitting.hospital.advance(SignedDuration::from_mins(30));
        let late = sitting.bind(&key).await;
        assert!(matches!(late, Err(BindPhoneError::Refused(PhoneError::AlreadyBound))));
    }
}

#[tokio::test]
async fn a_wrong_code_or_key_binds_nothing() {
    for mut sitting in sittings().await {
        let wrong = Code::generate(&mut rand::rngs::StdRng::seed_from_u64(99));
        let key = Key::generate().public_key().to_vec();
        let context = &mut sitting.hospital.context();
        let refused = bind_phone(context, &wrong, key.clone()).await;
        let invalid = PhoneError::Invitation(InvitationError::Wrong);
        assert!(matches!(refused, Err(BindPhoneError::Refused(e)) if e == invalid));
        let mut off_curve = key.clone();
        off_curve[90] ^= 1;
        let shapeless = [vec![], vec![0; 91], key[26..].to_vec(), key[..90].to_vec(), off_curve];
        for key in shapeless {
            let context = &mut sitting.hospital.context();
            let refused = bind_phone(context, &sitting.opened.code, key).await;
            assert!(matches!(refused, Err(BindPhoneError::PublicKey(_))));
        }
        sitting.hospital.advance(SignedDuration::from_mins(30));
        let late = sitting.bind(&Key::generate()).await;
        let expired = PhoneError::Invitation(InvitationError::Expired);
        assert!(matches!(late, Err(BindPhoneError::Refused(e)) if e == expired));
    }
}

#[tokio::test]
async fn a_capture_may_be_repeated_and_only_the_last_reference_can_be_confirmed() {
    for mut sitting in sittings().await {
        let (key, digest) = (Key::generate(), Digest::of(&[b"face"]));
        let unbound = sitting.issue(digest).await;
        assert!(matches!(unbound, Err(IssueReferenceError::PhoneNotBound)));
        sitting.bind(&key).await.unwrap();
        let first = sitting.issue(digest).await.unwrap().reference.id;
        let place = sitting.hospital.place().await;
        let second = sitting.issue(digest).await.unwrap().reference.id;
        let events = sitting.hospital.events_after(place).await;
        assert_eq!(events, ["reference-revoked", "reference-issued"]);

        let place = sitting.hospital.place().await;
        let superseded = sitting.stored(first, digest, &key);
        let refused = sitting.confirm(&superseded).await.unwrap_err();
        let revoked = ReferenceError::Revoked;
        assert!(matches!(refused, ConfirmReferenceError::Reference(e) if e == revoked));
        let other_digest = sitting.stored(second, Digest::of(&[b"other"]), &key);
        let refused = sitting.confirm(&other_digest).await.unwrap_err();
        assert!(matches!(refused, ConfirmReferenceError::OtherReference));
        let other_key = sitting.stored(second, digest, &Key::generate());
        let refused = sitting.confirm(&other_key).await.unwrap_err();
        let signature = StatementError::Signature;
        assert!(matches!(refused, ConfirmReferenceError::Statement(e) if e == signature));
        let refused = sitting.confirm(b"garbage").await.unwrap_err();
        assert!(matches!(refused, ConfirmReferenceError::Statement(_)));
        assert_eq!(sitting.hospital.place().await, place, "nothing was changed");

        let good = sitting.stored(second, digest, &key);
        sitting.confirm(&good).await.unwrap();
    }
}

#[tokio::test]
async fn a_phone_confirms_only_its_own_reference_in_its_own_name() {
    for mut sitting in sittings().await {
        let (key, digest) = (Key::generate(), Digest::of(&[b"face"]));
        sitting.bind(&key).await.unwrap();
        let reference = sitting.issue(digest).await.unwrap().reference.id;
        let another = PhoneId::from(Uuid::from_u128(8));
        let stored = StorageStatement { reference, digest, at: sitting.hospital.now };
        let in_anothers_name = stored.sign(another, &key).unwrap();
        let refused = sitting.confirm(&in_anothers_name).await.unwrap_err();
        assert!(matches!(refused, ConfirmReferenceError::OtherReference));

        let bea = sitting.hospital.user("bea", Role::Staff).await;
        let beside = sitting.hospital.open_enrolment(&bea, sitting.officer.id, &sitting.desk).await;
        let context = &mut sitting.hospital.context();
        let her_key = Key::generate().public_key().to_vec();
        bind_phone(context, &beside.code, her_key).await.unwrap();
        let request = IssueReference { enrolment: beside.enrolment.id, ..sitting.request(digest) };
        let context = &mut sitting.hospital.context();
        let foreign = issue_reference(context, request).await.unwrap().reference.id;
        let of_another_enrolment = sitting.stored(foreign, digest, &key);
        let refused = sitting.confirm(&of_another_enrolment).await.unwrap_err();
        assert!(matches!(refused, ConfirmReferenceError::OtherReference));
    }
}

#[tokio::test]
async fn an_enrolment_runs_out() {
    for mut sitting in sittings().await {
        let (key, digest) = (Key::generate(), Digest::of(&[b"face"]));
        sitting.bind(&key).await.unwrap();
        let reference = sitting.issue(digest).await.unwrap().reference.id;
        sitting.hospital.advance(SignedDuration::from_mins(30));
        let statement = sitting.stored(reference, digest, &key);
        let late = sitting.confirm(&statement).await.unwrap_err();
        let expired = EnrolmentError::Expired;
        assert!(matches!(late, ConfirmReferenceError::Enrolment(e) if e == expired));
        let late = sitting.issue(digest).await.unwrap_err();
        assert!(matches!(late, IssueReferenceError::Enrolment(e) if e == expired));
    }
}

#[tokio::test]
async fn only_the_officer_who_began_it_continues_it_at_its_workstation() {
    for mut sitting in sittings().await {
        let digest = Digest::of(&[b"face"]);
        sitting.bind(&Key::generate()).await.unwrap();
        let other = sitting.hospital.user("joan", Role::Officer).await.id;
        let request = IssueReference { officer: other, ..sitting.request(digest) };
        let refused = issue_reference(&mut sitting.hospital.context(), request).await;
        assert!(matches!(refused, Err(IssueReferenceError::NotOfficer)));
        let workstation = WorkstationId::from(Uuid::from_u128(8));
        let request = IssueReference { workstation, ..sitting.request(digest) };
        let refused = issue_reference(&mut sitting.hospital.context(), request).await;
        assert!(matches!(refused, Err(IssueReferenceError::NotFound)));
        let enrolment = EnrolmentId::from(Uuid::from_u128(8));
        let request = ConfirmReference {
            officer: sitting.officer.id,
            workstation: sitting.desk.id,
            enrolment,
            statement: &[],
        };
        let refused = confirm_reference(&mut sitting.hospital.context(), request).await;
        assert!(matches!(refused, Err(ConfirmReferenceError::NotFound)));
        let request =
            ConfirmReference { officer: other, enrolment: sitting.opened.enrolment.id, ..request };
        let refused = confirm_reference(&mut sitting.hospital.context(), request).await;
        assert!(matches!(refused, Err(ConfirmReferenceError::NotOfficer)));
        let nobody = enrolment_status(&sitting.hospital.storage, enrolment).await.unwrap();
        assert_eq!(nobody, None);
    }
}

#[tokio::test]
async fn an_enrolment_ends_with_the_users_right_to_be_authenticated() {
    for mut sitting in sittings().await {
        let (key, digest) = (Key::generate(), Digest::of(&[b"face"]));
        sitting.bind(&key).await.unwrap();
        let reference = sitting.issue(digest).await.unwrap().reference.id;
        let statement = sitting.stored(reference, digest, &key);
        let context = &mut sitting.hospital.context();
        disable_user(context, Actor::Server, sitting.user.id).await.unwrap();
        let place = sitting.hospital.place().await;
        let refused = sitting.issue(digest).await;
        assert!(matches!(refused, Err(IssueReferenceError::UserDisabled)));
        let refused = sitting.confirm(&statement).await;
        assert!(matches!(refused, Err(ConfirmReferenceError::UserDisabled)));
        assert_eq!(sitting.hospital.place().await, place);
    }
}

#[tokio::test]
async fn models_that_policy_does_not_allow_are_not_enrolled() {
    for mut sitting in sittings().await {
        sitting.bind(&Key::generate()).await.unwrap();
        let digest = Digest::of(&[b"face"]);
        for model_set in ["", &"x".repeat(65), "é@1", "a\0@1", "a @1"].map(str::to_owned) {
            let request = IssueReference { model_set, ..sitting.request(digest) };
            let refused = issue_reference(&mut sitting.hospital.context(), request).await;
            assert!(matches!(refused, Err(IssueReferenceError::ModelSet)));
        }
        let floor =
            ModelSetFloor { model_set: "other@2".to_owned(), similarity: 0.3, bona_fide: 0.5 };
        let policy = Policy { model_sets: vec![floor], ..Policy::default() };
        set_policy(&mut sitting.hospital.context(), Actor::Server, policy).await.unwrap();
        let refused = sitting.issue(digest).await;
        assert!(matches!(refused, Err(IssueReferenceError::ModelSet)));
    }
}

#[tokio::test]
async fn an_enrolment_takes_an_officer_another_active_user_and_a_notice() {
    type Expected = fn(&OpenEnrolmentError) -> bool;
    for Ward { mut hospital, desk, nurse, officer } in wards().await {
        let good = OpenEnrolment {
            officer: officer.id,
            workstation: desk.id,
            username: nurse.user.username.clone(),
            notice: "2026-01".to_owned(),
        };
        let gone = WorkstationId::from(Uuid::from_u128(8));
        let nobody = UserId::from(Uuid::from_u128(8));
        let place = hospital.place().await;
        let cases: [(OpenEnrolment, Expected); 7] = [
            (OpenEnrolment { officer: nurse.user.id, ..good.clone() }, |e| {
                matches!(e, OpenEnrolmentError::NotOfficer)
            }),
            (OpenEnrolment { officer: nobody, ..good.clone() }, |e| {
                matches!(e, OpenEnrolmentError::NotOfficer)
            }),
            (OpenEnrolment { username: officer.username.clone(), ..good.clone() }, |e| {
                matches!(e, OpenEnrolmentError::OwnEnrolment)
            }),
            (OpenEnrolment { username: "nobody".parse().unwrap(), ..good.clone() }, |e| {
                matches!(e, OpenEnrolmentError::UserNotFound)
            }),
            (OpenEnrolment { workstation: gone, ..good.clone() }, |e| {
                matches!(e, OpenEnrolmentError::WorkstationRevoked)
            }),
            (OpenEnrolment { notice: String::new(), ..good.clone() }, |e| {
                matches!(e, OpenEnrolmentError::Notice)
            }),
            (OpenEnrolment { notice: "x".repeat(129), ..good.clone() }, |e| {
                matches!(e, OpenEnrolmentError::Notice)
            }),
        ];
        for (request, expected) in cases {
            let error = open_enrolment(&mut hospital.context(), request).await.unwrap_err();
            assert!(expected(&error), "{error}");
        }
        assert_eq!(hospital.place().await, place);
        let context = &mut hospital.context();
        disable_user(context, Actor::Server, nurse.user.id).await.unwrap();
        let error = open_enrolment(&mut hospital.context(), good).await.unwrap_err();
        assert!(matches!(error, OpenEnrolmentError::UserDisabled));
    }
}

#[tokio::test]
async fn the_earlier_phone_counts_until_the_new_enrolment_is_complete() {
    for Ward { mut hospital, desk, nurse, officer } in wards().await {
        let opened = hospital.open_enrolment(&nurse.user, officer.id, &desk).await;
        let key = Key::generate().public_key().to_vec();
        bind_phone(&mut hospital.context(), &opened.code, key).await.unwrap();
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();

        let place = hospital.place().await;
        let renewed = hospital.enrol(nurse.user.clone(), officer.id, &desk).await;
        assert_eq!(
            hospital.events_after(place).await,
            [
                "phone-invited",
                "enrolment-opened",
                "phone-bound",
                "reference-issued",
                "reference-revoked",
                "reference-activated",
                "phone-revoked",
                "phone-revoked",
                "enrolment-completed"
            ]
        );
        hospital.tap(&renewed, &desk, Purpose::TapIn).await.unwrap();
        let phones = phones_of_user(&hospital.storage, nurse.user.id).await.unwrap();
        let counting: Vec<_> =
            phones.iter().filter(|p| p.binding().is_some()).map(|p| p.id).collect();
        assert_eq!(counting, [renewed.phone]);
        let old = phones.iter().find(|phone| phone.id == nurse.phone).unwrap();
        let reason = Revocation::Superseded;
        assert!(matches!(old.state, State::Revoked { reason: r, .. } if r == reason));
    }
}

#[tokio::test]
async fn an_erasure_gives_a_receipt_and_the_same_one_again() {
    for Ward { mut hospital, nurse, .. } in wards().await {
        let place = hospital.place().await;
        let receipt = erase_reference(&mut hospital.context(), nurse.phone, None).await.unwrap();
        assert_eq!(hospital.events_after(place).await, ["reference-revoked"]);
        let again = erase_reference(&mut hospital.context(), nurse.phone, None).await.unwrap();
        assert_eq!(again, receipt);
        assert_eq!(hospital.events_after(place).await.len(), 1);
        let read = UnverifiedReceipt::parse(&receipt).unwrap();
        let read = read.verify_by_server(&[hospital.signer.public_key()]).unwrap();
        assert_eq!((read.index, read.user), (place, Some(nurse.user.id)));
        let nobody = PhoneId::from(Uuid::from_u128(8));
        let refused = erase_reference(&mut hospital.context(), nobody, None).await;
        assert!(matches!(refused, Err(EraseReferenceError::NothingToErase)));
    }
}

#[tokio::test]
async fn a_revoked_phone_takes_its_reference_along() {
    for Ward { mut hospital, nurse, .. } in wards().await {
        let place = hospital.place().await;
        let lost = Revocation::Lost;
        let context = &mut hospital.context();
        revoke_phone(context, Actor::Server, nurse.phone, lost).await.unwrap();
        let events = hospital.events_after(place).await;
        assert_eq!(events, ["phone-revoked", "reference-revoked"]);
        let context = &mut hospital.context();
        let again = revoke_phone(context, Actor::Server, nurse.phone, lost).await;
        assert!(matches!(again, Err(RevokePhoneError::AlreadyRevoked)));
        let nobody = PhoneId::from(Uuid::from_u128(8));
        let context = &mut hospital.context();
        let refused = revoke_phone(context, Actor::Server, nobody, lost).await;
        assert!(matches!(refused, Err(RevokePhoneError::NotFound)));
    }
}
