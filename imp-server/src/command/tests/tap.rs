//! `open_tap`, `submit_tap`, `abandon_tap`
use imp_authenticator::{AttackOutcome, ComparisonOutcome, UnverifiedReceipt};
use imp_identity::attempts::{BEFORE_DISABLED, BEFORE_WAIT};
use imp_identity::challenge::Audience;
use imp_identity::phone::Revocation;
use imp_identity::policy::{Policy, Rule};
use imp_identity::refusal::Abandonment;
use imp_identity::tap::{Outcome, Purpose};
use imp_identity::user::Role;
use imp_identity::{Actor, Event, PhoneId, Refusal, TapId};
use imp_storage::testing;
use jiff::{SignedDuration, ToSpan as _};
use uuid::Uuid;

use super::hospital::{Draft, Hospital, Signed};
use super::{Ward, hospitals, wards};
use crate::command::{
    self, AbandonTapError, Abandoned, AbandonedTap, Occasion, OpenTapError, SubmitTapError,
    TapAccepted, abandon_tap, open_tap, sessions_of_workstation,
};
use crate::store::{MIGRATIONS, Tables as _};

fn refusal(result: Result<TapAccepted, SubmitTapError>) -> Refusal {
    match result {
        Err(SubmitTapError::Refused(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

async fn early(ward: &mut Ward) -> Refusal {
    let Ward { hospital, desk, nurse, .. } = ward;
    let audience = Audience { workstation: desk.id, phone: nurse.phone, purpose: Purpose::TapIn };
    match open_tap(&mut hospital.context(), audience, Occasion::Press).await {
        Err(OpenTapError::Refused(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

async fn outcome(hospital: &Hospital, tap: TapId) -> Option<Outcome> {
    let mut transaction = hospital.storage.read().await.unwrap();
    transaction.taps().find(tap).await.unwrap().map(|tap| tap.outcome)
}

#[tokio::test]
async fn an_accepted_tap_opens_a_session_and_gives_a_receipt() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let place = hospital.place().await;
        let signed = hospital.signed(&nurse, &desk, Purpose::TapIn).await;
        assert_eq!(hospital.place().await, place, "handing out a challenge is no event");
        let accepted = hospital.submit(&desk, &signed).await.unwrap();
        assert_eq!(accepted.user, nurse.user);
        assert!(accepted.session.is_active(hospital.now));
        assert_eq!(
            hospital.events_after(place).await,
            ["session-established", "tap-accepted"],
            "{}",
            hospital.storage.kind()
        );
        let receipt = UnverifiedReceipt::parse(&accepted.receipt).unwrap();
        let key = imp_authenticator::Signer::public_key(hospital.signer.as_ref());
        let receipt = receipt.verify_by_server(&[key]).unwrap();
        assert_eq!((receipt.index, receipt.kind.as_str()), (place + 1, "tap-accepted"));
        assert_eq!(receipt.session, Some(accepted.session.id));
        assert_eq!(receipt.workstation_label, "Ward 3, bed 7");
        let session = accepted.session.id;
        let decided = outcome(&hospital, signed.tap).await;
        assert_eq!(decided, Some(Outcome::Accepted { session }));
        let here = sessions_of_workstation(&hospital.storage, desk.id, hospital.now).await.unwrap();
        assert_eq!(here.len(), 1);
    }
}

#[tokio::test]
async fn the_same_submission_again_gets_the_same_answer_and_changes_nothing() {
    for Ward { mut hospital, desk, nurse, officer } in wards().await {
        let signed = hospital.signed(&nurse, &desk, Purpose::TapIn).await;
        let first = hospital.submit(&desk, &signed).await.unwrap();
        let place = hospital.place().await;
        hospital.advance(SignedDuration::from_secs(5));
        assert_eq!(hospital.submit(&desk, &signed).await.unwrap(), first);
        assert_eq!(hospital.place().await, place);

        let elsewhere = hospital.desk("Ward 4").await;
        let stolen = hospital.submit(&elsewhere, &signed).await;
        assert_eq!(refusal(stolen), Refusal::EvidenceInvalid, "another workstation");
        let other = Signed {
            evidence: hospital.signed(&nurse, &desk, Purpose::TapIn).await.evidence,
            ..signed.clone()
        };
        let replayed = hospital.submit(&desk, &other).await;
        assert_eq!(refusal(replayed), Refusal::ChallengeUsed, "other bytes");
        hospital.advance(SignedDuration::from_secs(60));
        let late = hospital.submit(&desk, &signed).await;
        assert_eq!(refusal(late), Refusal::ChallengeUsed, "after the challenge's time");
        let _ = officer;
    }
}

#[tokio::test]
async fn a_refused_submission_repeated_is_refused_alike_and_counts_once() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let (tap, mut draft) = hospital.draft(&nurse, &desk, Purpose::TapIn).await;
        stranger(&mut draft);
        let signed = draft.sign(tap, &nurse, &desk);
        assert_eq!(refusal(hospital.submit(&desk, &signed).await), Refusal::ComparisonFailed);
        let place = hospital.place().await;
        assert_eq!(refusal(hospital.submit(&desk, &signed).await), Refusal::ComparisonFailed);
        assert_eq!(hospital.place().await, place);
        let mut transaction = hospital.storage.read().await.unwrap();
        assert_eq!(transaction.attempts().find(nurse.user.id).await.unwrap().failures, 1);
    }
}

fn stranger(draft: &mut Draft) {
    draft.evidence.comparison.outcome = ComparisonOutcome::NonMatch;
    draft.evidence.comparison.similarity = 0.1;
}

#[tokio::test]
async fn a_spoiled_tap_is_refused_for_its_reason_and_uses_up_the_challenge() {
    type Spoil = fn(&mut Draft);
    let cases: [(Spoil, Refusal); 8] = [
        (stranger, Refusal::ComparisonFailed),
        (
            |draft| {
                draft.evidence.attack.outcome = AttackOutcome::Attack;
                draft.evidence.attack.score = 0.1;
            },
            Refusal::PresentationAttack,
        ),
        (|draft| draft.evidence.exporter = [1; 32], Refusal::ExporterMismatch),
        (|draft| draft.evidence.purpose = Purpose::StepUp, Refusal::PurposeMismatch),
        (|draft| draft.statement.challenge = [1; 32], Refusal::ChallengeUnknown),
        (
            |draft| draft.statement.reference_digest = imp_identity::Digest::of(&[b"x"]),
            Refusal::ReferenceMismatch,
        ),
        (|draft| draft.statement.at += 1.hour(), Refusal::ClockSkew),
        (|draft| draft.evidence.model_set = "other@1".to_owned(), Refusal::ModelSetRefused),
    ];
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        for (spoil, reason) in cases {
            let (tap, good) = hospital.draft(&nurse, &desk, Purpose::TapIn).await;
            let mut draft = good.clone();
            spoil(&mut draft);
            let place = hospital.place().await;
            let result = hospital.submit(&desk, &draft.sign(tap, &nurse, &desk)).await;
            assert_eq!(refusal(result), reason);
            let events = hospital.facts_after(place).await;
            let [Event::TapRefused { reason: recorded, .. }] = events.as_slice() else {
                panic!("{events:?}")
            };
            assert_eq!(*recorded, reason);
            assert_eq!(outcome(&hospital, tap).await, Some(Outcome::Refused { reason }));
            let again = hospital.submit(&desk, &good.sign(tap, &nurse, &desk)).await;
            assert_eq!(refusal(again), Refusal::ChallengeUsed);
        }
        let here = sessions_of_workstation(&hospital.storage, desk.id, hospital.now).await;
        assert_eq!(here.unwrap(), []);
    }
}

#[tokio::test]
async fn nonsense_is_refused_and_recorded() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let good = hospital.signed(&nurse, &desk, Purpose::TapIn).await;
        let place = hospital.place().await;
        let unknown = Signed { tap: TapId::from(Uuid::from_u128(5)), ..good.clone() };
        assert_eq!(refusal(hospital.submit(&desk, &unknown).await), Refusal::ChallengeUnknown);
        let garbage = Signed { statement: vec![0xff; 70_000], ..good.clone() };
        assert_eq!(refusal(hospital.submit(&desk, &garbage).await), Refusal::StatementInvalid);
        let empty =
            Signed { evidence: vec![], ..hospital.signed(&nurse, &desk, Purpose::TapIn).await };
        assert_eq!(refusal(hospital.submit(&desk, &empty).await), Refusal::EvidenceInvalid);
        assert_eq!(hospital.events_after(place).await, ["tap-refused"; 3]);
    }
}

#[tokio::test]
async fn a_late_answer_is_refused_as_late_until_the_challenge_is_purged() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let signed = hospital.signed(&nurse, &desk, Purpose::TapIn).await;
        hospital.advance(SignedDuration::from_secs(60));
        assert_eq!(refusal(hospital.submit(&desk, &signed).await), Refusal::ChallengeExpired);
        hospital.advance(SignedDuration::from_hours(25));
        assert_eq!(command::purge(&mut hospital.context()).await.unwrap().challenges, 1);
        assert_eq!(refusal(hospital.submit(&desk, &signed).await), Refusal::ChallengeUnknown);
    }
}

#[tokio::test]
async fn a_workstation_cannot_use_up_anothers_challenge() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let elsewhere = hospital.desk("Ward 4").await;
        let (tap, draft) = hospital.draft(&nurse, &desk, Purpose::TapIn).await;
        let taken = draft.sign(tap, &nurse, &elsewhere);
        assert_eq!(refusal(hospital.submit(&elsewhere, &taken).await), Refusal::WrongWorkstation);
        hospital.submit(&desk, &draft.sign(tap, &nurse, &desk)).await.unwrap();
    }
}

#[tokio::test]
async fn failures_lead_to_a_wait_and_then_to_disabling_and_a_success_forgets_them() {
    for mut ward in wards().await {
        for n in 1..=BEFORE_DISABLED {
            let Ward { hospital, desk, nurse, .. } = &mut ward;
            let (tap, mut draft) = hospital.draft(nurse, desk, Purpose::TapIn).await;
            stranger(&mut draft);
            let place = hospital.place().await;
            let result = hospital.submit(desk, &draft.sign(tap, nurse, desk)).await;
            assert_eq!(refusal(result), Refusal::ComparisonFailed, "{n}");
            let expected: &[_] = match n {
                BEFORE_DISABLED => &["tap-refused", "biometric-disabled"],
                BEFORE_WAIT.. => &["tap-refused", "biometric-delayed"],
                _ => &["tap-refused"],
            };
            assert_eq!(hospital.events_after(place).await, expected, "{n}");
            if n == BEFORE_WAIT {
                assert_eq!(early(&mut ward).await, Refusal::TooManyAttempts);
                let Ward { hospital, desk, nurse, .. } = &mut ward;
                hospital.advance(SignedDuration::from_secs(30));
                hospital.tap(nurse, desk, Purpose::TapIn).await.unwrap();
                let mut transaction = hospital.storage.begin().await.unwrap();
                let mut attempts = transaction.attempts().find(nurse.user.id).await.unwrap();
                assert_eq!(attempts.failures, 0);
                attempts.failures = BEFORE_WAIT;
                transaction.attempts().put(&attempts).await.unwrap();
                transaction.commit().await.unwrap();
            }
            ward.hospital.advance(SignedDuration::from_hours(1));
        }
        assert_eq!(early(&mut ward).await, Refusal::BiometricDisabled);
    }
}

#[tokio::test]
async fn what_is_known_to_fail_is_refused_before_it_is_answered() {
    for mut ward in wards().await {
        let place = ward.hospital.place().await;
        let bound = ward.nurse.phone;
        ward.nurse.phone = PhoneId::from(Uuid::from_u128(9));
        assert_eq!(early(&mut ward).await, Refusal::PhoneUnknown);
        ward.nurse.phone = bound;

        let rules = vec![Rule { roles: vec![Role::Officer], ..Rule::default() }];
        let policy = Policy { rules, ..Policy::default() };
        let context = &mut ward.hospital.context();
        let policy = command::set_policy(context, Actor::Server, policy).await.unwrap();
        assert_eq!(early(&mut ward).await, Refusal::PolicyRole);
        let policy = Policy { rules: vec![], ..policy };
        let context = &mut ward.hospital.context();
        command::set_policy(context, Actor::Server, policy).await.unwrap();

        let user = ward.nurse.user.id;
        let context = &mut ward.hospital.context();
        command::disable_user(context, Actor::Server, user).await.unwrap();
        assert_eq!(early(&mut ward).await, Refusal::UserDisabled);
        let context = &mut ward.hospital.context();
        command::enable_user(context, Actor::Server, user).await.unwrap();

        let context = &mut ward.hospital.context();
        command::erase_reference(context, bound, None).await.unwrap();
        assert_eq!(early(&mut ward).await, Refusal::ReferenceRevoked);
        let context = &mut ward.hospital.context();
        command::revoke_phone(context, Actor::Server, bound, Revocation::Lost).await.unwrap();
        assert_eq!(early(&mut ward).await, Refusal::PhoneRevoked);
        let context = &mut ward.hospital.context();
        let reason = Revocation::Administrator;
        command::revoke_workstation(context, Actor::Server, ward.desk.id, reason).await.unwrap();
        assert_eq!(early(&mut ward).await, Refusal::WorkstationRevoked);

        let refused = |event: &Event| matches!(event, Event::TapRefused { .. });
        let events = ward.hospital.facts_after(place).await;
        assert_eq!(events.iter().filter(|event| refused(event)).count(), 6);
    }
}

#[tokio::test]
async fn a_user_disabled_between_challenge_and_answer_does_not_enter() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let signed = hospital.signed(&nurse, &desk, Purpose::TapIn).await;
        let context = &mut hospital.context();
        command::disable_user(context, Actor::Server, nurse.user.id).await.unwrap();
        assert_eq!(refusal(hospital.submit(&desk, &signed).await), Refusal::UserDisabled);
    }
}

#[tokio::test]
async fn an_abandoned_tap_is_recorded_once_and_cannot_be_answered() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let signed = hospital.signed(&nurse, &desk, Purpose::TapIn).await;
        let abandoned = Abandoned {
            workstation: desk.id,
            tap: AbandonedTap::Opened(signed.tap),
            phone: None,
            purpose: Purpose::TapIn,
            reason: Abandonment::NoFace,
        };
        let place = hospital.place().await;
        abandon_tap(&mut hospital.context(), abandoned).await.unwrap();
        abandon_tap(&mut hospital.context(), abandoned).await.unwrap();
        let events = hospital.facts_after(place).await;
        let [Event::TapAbandoned { user, phone, reason, .. }] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!((*user, *phone), (Some(nurse.user.id), Some(nurse.phone)));
        assert_eq!(*reason, Abandonment::NoFace);
        assert_eq!(refusal(hospital.submit(&desk, &signed).await), Refusal::ChallengeUsed);

        let elsewhere = hospital.desk("Ward 4").await;
        let foreign = Abandoned { workstation: elsewhere.id, ..abandoned };
        let refused = abandon_tap(&mut hospital.context(), foreign).await;
        assert!(matches!(refused, Err(AbandonTapError::NotFound)));

        let place = hospital.place().await;
        let nobody = Abandoned {
            tap: AbandonedTap::Unopened(None),
            reason: Abandonment::NoPhone,
            ..abandoned
        };
        abandon_tap(&mut hospital.context(), nobody).await.unwrap();
        assert_eq!(hospital.events_after(place).await, ["tap-abandoned"]);
    }
}

#[tokio::test]
async fn a_repeated_report_of_an_unopened_tap_counts_once() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let drawn = TapId::from(Uuid::from_u128(77));
        let report = Abandoned {
            workstation: desk.id,
            tap: AbandonedTap::Unopened(Some(drawn)),
            phone: None,
            purpose: Purpose::TapIn,
            reason: Abandonment::NoPhone,
        };
        let place = hospital.place().await;
        abandon_tap(&mut hospital.context(), report).await.unwrap();
        abandon_tap(&mut hospital.context(), report).await.unwrap();
        let events = hospital.facts_after(place).await;
        let [Event::TapAbandoned { tap, .. }] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(*tap, drawn);

        let place = hospital.place().await;
        let elsewhere = hospital.desk("Ward 4").await;
        let foreign = Abandoned { workstation: elsewhere.id, ..report };
        let refused = abandon_tap(&mut hospital.context(), foreign).await;
        assert!(matches!(refused, Err(AbandonTapError::NotFound)));
        let signed = hospital.signed(&nurse, &desk, Purpose::TapIn).await;
        let opened = Abandoned { tap: AbandonedTap::Unopened(Some(signed.tap)), ..report };
        let refused = abandon_tap(&mut hospital.context(), opened).await;
        assert!(matches!(refused, Err(AbandonTapError::NotFound)));
        hospital.submit(&desk, &signed).await.unwrap();
        assert!(!hospital.events_after(place).await.contains(&"tap-abandoned"));
    }
}

#[tokio::test]
async fn a_refusal_ahead_of_any_press_is_answered_and_not_recorded() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let context = &mut hospital.context();
        command::disable_user(context, Actor::Server, nurse.user.id).await.unwrap();
        let place = hospital.place().await;
        let audience =
            Audience { workstation: desk.id, phone: nurse.phone, purpose: Purpose::TapIn };
        let refused = open_tap(&mut hospital.context(), audience, Occasion::Ahead).await;
        assert!(matches!(refused, Err(OpenTapError::Refused(Refusal::UserDisabled))));
        assert_eq!(hospital.place().await, place);
        let refused = open_tap(&mut hospital.context(), audience, Occasion::Press).await;
        assert!(matches!(refused, Err(OpenTapError::Refused(Refusal::UserDisabled))));
        assert_eq!(hospital.events_after(place).await, ["tap-refused"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_submissions_of_one_tap_at_once_open_one_session() {
    let directory = tempfile::tempdir().unwrap();
    for storage in testing::both_concurrent(directory.path(), &MIGRATIONS).await {
        let Ward { mut hospital, desk, nurse, .. } = Ward::new(Hospital::new(storage)).await;
        let signed = hospital.signed(&nurse, &desk, Purpose::TapIn).await;
        let place = hospital.place().await;
        let mut submissions = tokio::task::JoinSet::new();
        for seed in 0..4 {
            let mut beside = hospital.beside(seed);
            let (signed, id) = (signed.clone(), desk.id);
            submissions.spawn(async move {
                let submission = command::Submission {
                    workstation: id,
                    tap: signed.tap,
                    statement: &signed.statement,
                    evidence: &signed.evidence,
                };
                command::submit_tap(&mut beside.context(), submission).await.unwrap()
            });
        }
        let answers = submissions.join_all().await;
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(hospital.events_after(place).await, ["session-established", "tap-accepted"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_leave_a_log_without_gaps() {
    let directory = tempfile::tempdir().unwrap();
    for storage in testing::both_concurrent(directory.path(), &MIGRATIONS).await {
        let hospital = Hospital::new(storage);
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..8 {
            let mut beside = hospital.beside(writer);
            writers.spawn(async move {
                for n in 0..10 {
                    beside.user(&format!("user-{writer}-{n}"), Role::Staff).await;
                }
            });
        }
        writers.join_all().await;
        assert_eq!(hospital.place().await, 80);
    }
}

#[tokio::test]
async fn a_key_that_does_not_sign_leaves_nothing_behind() {
    struct Broken(Vec<u8>);
    impl imp_authenticator::Signer for Broken {
        fn public_key(&self) -> &[u8] {
            &self.0
        }
        fn sign(&self, _: &[u8]) -> Result<[u8; 64], imp_authenticator::SignError> {
            Err(imp_authenticator::SignError::new("the key is away"))
        }
    }
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let signed = hospital.signed(&nurse, &desk, Purpose::TapIn).await;
        let place = hospital.place().await;
        let broken = Broken(vec![0; 91]);
        let submission = command::Submission {
            workstation: desk.id,
            tap: signed.tap,
            statement: &signed.statement,
            evidence: &signed.evidence,
        };
        let context = command::Context { signer: &broken, ..hospital.context() };
        let mut context = context;
        let result = command::submit_tap(&mut context, submission).await;
        assert!(matches!(result, Err(SubmitTapError::Sign(_))));
        assert_eq!(hospital.place().await, place);
        hospital.submit(&desk, &signed).await.unwrap();
    }
}

#[tokio::test]
async fn a_phone_that_never_enrolled_cannot_tap() {
    for mut hospital in hospitals().await {
        let officer = hospital.user("grace", Role::Officer).await;
        let desk = hospital.desk("Ward 3").await;
        let user = hospital.user("ada", Role::Staff).await;
        let opened = hospital.open_enrolment(&user, officer.id, &desk).await;
        let audience = Audience {
            workstation: desk.id,
            phone: opened.enrolment.phone,
            purpose: Purpose::TapIn,
        };
        let refused = open_tap(&mut hospital.context(), audience, Occasion::Press).await;
        assert!(matches!(refused, Err(OpenTapError::Refused(Refusal::PhoneUnknown))));
    }
}
