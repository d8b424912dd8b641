use imp_events::Entry;
use imp_identity::attempts::Attempts;
use imp_identity::authentication::Authentication;
use imp_identity::challenge::{Audience, Challenge};
use imp_identity::emergency::Emergency;
use imp_identity::event::Record;
use imp_identity::invitation::{Code, Invitation};
use imp_identity::phone::{Binding, Phone, Revocation};
use imp_identity::policy::SessionLimits;
use imp_identity::reference::{self, Reference};
use imp_identity::refusal::{Abandonment, Refusal};
use imp_identity::session::{End, Session};
use imp_identity::sign_on::{Establishment, SignOn, SignOnPolicy};
use imp_identity::tap::{Outcome, Purpose, Tap};
use imp_identity::user::{Role, User};
use imp_identity::workstation::{Place, Workstation};
use imp_identity::{
    Actor, Digest, EnrolmentId, Event, EventId, InteractionId, PhoneId, ReferenceId, SessionId,
    SignOnId, TapId, UserId, WorkstationId, enrolment,
};
use imp_storage::{StorageError, Transaction, on, testing};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp::constant(1_700_000_000, 123_456_000);
const LIMITS: SessionLimits = SessionLimits {
    overall: SignedDuration::from_hours(8),
    suspended: SignedDuration::from_hours(1),
    ..SessionLimits::DEFAULT
};

async fn transactions() -> Vec<Transaction> {
    let mut transactions = vec![];
    for storage in testing::both(&MIGRATIONS).await {
        transactions.push(storage.begin().await.unwrap());
    }
    transactions
}

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn user(n: u128, name: &str) -> User {
    let (name, label) = (name.parse().unwrap(), name.parse().unwrap());
    User::create(UserId::from(uuid(n)), name, label, Role::Staff, None).0
}

fn invitation() -> (Invitation, Code) {
    Invitation::open(SignedDuration::from_mins(10), NOW, &mut StdRng::seed_from_u64(1))
}

/// A user, a workstation, and a phone that was bound.
async fn people_and_machines(transaction: &mut Transaction) -> (User, Workstation, Phone) {
    let (invitation, code) = invitation();
    let ada = user(1, "ada");
    transaction.users().add(&ada).await.unwrap();
    let id = WorkstationId::from(uuid(2));
    let place = Place {
        unit: Some("Ward 3".parse().unwrap()),
        site: Some("North campus".parse().unwrap()),
    };
    let (desk, _) = Workstation::invite(id, "Bed 7".parse().unwrap(), place, invitation);
    transaction.workstations().add(&desk, &invitation).await.unwrap();
    let (phone, _) = Phone::invite(PhoneId::from(uuid(3)), ada.id, invitation);
    transaction.phones().add(&phone, &invitation).await.unwrap();
    let binding = Binding { public_key: vec![4; 91], identifier_key: [5; 32], at: NOW };
    let (phone, _) = phone.bind(&code, binding).unwrap();
    transaction.phones().update(&phone).await.unwrap();
    (ada, desk, phone)
}

#[tokio::test]
async fn users_are_read_as_they_were_written() {
    for mut transaction in transactions().await {
        let ada = User { unit: Some("Ward 3".parse().unwrap()), ..user(1, "ada") };
        transaction.users().add(&ada).await.unwrap();
        assert_eq!(transaction.users().find(ada.id).await.unwrap().as_ref(), Some(&ada));
        let (ada, _) = ada.disable(NOW).unwrap();
        transaction.users().update(&ada, NOW).await.unwrap();
        let found = transaction.users().find_by_name(&ada.username).await.unwrap();
        assert_eq!(found, Some(ada));
        let nobody = UserId::from(uuid(9));
        assert_eq!(transaction.users().find(nobody).await.unwrap(), None);
        assert_eq!(transaction.users().active_administrators().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn machines_are_read_in_every_state() {
    for mut transaction in transactions().await {
        let (_, desk, phone) = people_and_machines(&mut transaction).await;
        let (invitation, code) = invitation();
        let found = transaction.workstations().find_by_code(code.digest()).await.unwrap();
        assert_eq!(found, Some((desk.clone(), invitation)));
        let (desk, _) = desk.enrol(&code, vec![4; 91], NOW).unwrap();
        transaction.workstations().update(&desk).await.unwrap();
        let found = transaction.workstations().find(desk.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&desk));
        let (desk, _) = desk.revoke(NOW, Revocation::Lost).unwrap();
        transaction.workstations().update(&desk).await.unwrap();
        let page = transaction.workstations().page(None, 1).await.unwrap();
        assert_eq!((page.items, page.next), (vec![desk.clone()], Some(desk.id)));
        let page = transaction.workstations().page(Some(desk.id), 1).await.unwrap();
        assert_eq!((page.items, page.next), (vec![], None));

        let found = transaction.phones().find_by_code(code.digest()).await.unwrap();
        assert_eq!(found, Some((phone.clone(), invitation)), "a used code still finds its phone");
        assert_eq!(transaction.phones().bound().await.unwrap().len(), 1);
        let (phone, _) = phone.revoke(NOW, Revocation::Superseded).unwrap();
        transaction.phones().update(&phone).await.unwrap();
        assert_eq!(transaction.phones().find(phone.id).await.unwrap(), Some(phone.clone()));
        assert_eq!(transaction.phones().of_user(phone.user).await.unwrap(), [phone]);
        assert_eq!(transaction.phones().bound().await.unwrap(), []);
    }
}

#[tokio::test]
async fn enrolments_and_references_are_read_as_they_were_written() {
    for mut transaction in transactions().await {
        let (ada, desk, phone) = people_and_machines(&mut transaction).await;
        let enrolment = enrolment::Enrolment {
            id: EnrolmentId::from(uuid(4)),
            user: ada.id,
            officer: ada.id,
            workstation: desk.id,
            phone: phone.id,
            notice: "2026-01".to_owned(),
            opened_at: NOW,
            expires_at: NOW + 30.minutes(),
            state: enrolment::State::Open,
        };
        transaction.enrolments().add(&enrolment).await.unwrap();
        let found = transaction.enrolments().find(enrolment.id).await.unwrap();
        assert_eq!(found, Some((enrolment.clone(), None)));
        let (enrolment, _) = enrolment.complete(NOW).unwrap();
        let confirmation = Confirmation { statement: Digest::of(&[b"s"]), receipt: vec![1, 2] };
        transaction.enrolments().complete(&enrolment, &confirmation).await.unwrap();
        let found = transaction.enrolments().find(enrolment.id).await.unwrap();
        assert_eq!(found, Some((enrolment.clone(), Some(confirmation))));

        let issued = Reference {
            id: ReferenceId::from(uuid(5)),
            user: ada.id,
            phone: phone.id,
            digest: Digest::of(&[b"face"]),
            model_set: "imp-face@1".to_owned(),
            enrolment: enrolment.id,
            officer: ada.id,
            enrolled_at: NOW,
            expires_at: NOW + 24.hours(),
            state: reference::State::Issued,
        };
        transaction.references().add(&issued).await.unwrap();
        let found = transaction.references().find(issued.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&issued));
        let (active, _) = issued.clone().activate().unwrap();
        transaction.references().update(&active).await.unwrap();
        let current = transaction.references().current_of_phone(phone.id).await.unwrap();
        assert_eq!(current, std::slice::from_ref(&active));
        assert_eq!(
            transaction.phones().bound().await.unwrap()[0].reference,
            Some((active.id, active.digest))
        );
        let (gone, _) = active.revoke(NOW, Revocation::Erased).unwrap();
        transaction.references().update(&gone).await.unwrap();
        transaction.references().keep_erasure_receipt(gone.id, &[7]).await.unwrap();
        assert_eq!(transaction.references().find(gone.id).await.unwrap(), Some(gone));
        assert_eq!(transaction.references().current_of_user(ada.id).await.unwrap(), []);
        let receipt = transaction.references().erasure_receipt(phone.id).await.unwrap();
        assert_eq!(receipt, Some(vec![7]));
    }
}

#[tokio::test]
async fn a_phone_has_one_active_reference() {
    for mut transaction in transactions().await {
        let (ada, desk, phone) = people_and_machines(&mut transaction).await;
        let enrolment = enrolment::Enrolment {
            id: EnrolmentId::from(uuid(4)),
            user: ada.id,
            officer: ada.id,
            workstation: desk.id,
            phone: phone.id,
            notice: "2026-01".to_owned(),
            opened_at: NOW,
            expires_at: NOW + 30.minutes(),
            state: enrolment::State::Open,
        };
        transaction.enrolments().add(&enrolment).await.unwrap();
        let active = |n| Reference {
            id: ReferenceId::from(uuid(n)),
            user: ada.id,
            phone: phone.id,
            digest: Digest::of(&[b"face"]),
            model_set: "imp-face@1".to_owned(),
            enrolment: enrolment.id,
            officer: ada.id,
            enrolled_at: NOW,
            expires_at: NOW + 24.hours(),
            state: reference::State::Active,
        };
        transaction.references().add(&active(5)).await.unwrap();
        let second = transaction.references().add(&active(6)).await;
        assert!(second.unwrap_err().is_unique_violation());
    }
}

#[tokio::test]
async fn challenges_are_found_by_tap_and_nonce_and_answered_once_in_the_row() {
    for mut transaction in transactions().await {
        let (_, desk, phone) = people_and_machines(&mut transaction).await;
        let audience = Audience { workstation: desk.id, phone: phone.id, purpose: Purpose::StepUp };
        let lifetime = SignedDuration::from_secs(60);
        let rng = &mut StdRng::seed_from_u64(2);
        let (challenge, nonce) = Challenge::open(audience, lifetime, NOW, rng);
        transaction.challenges().add(&challenge).await.unwrap();
        let found = transaction.challenges().find_by_nonce(Digest::of(&[&nonce])).await.unwrap();
        assert_eq!(found.as_ref(), Some(&challenge));
        let nobody = transaction.challenges().find_by_nonce(Digest::of(&[b"x"])).await.unwrap();
        assert_eq!(nobody, None);
        let answer = Answer { submission: Digest::of(&[b"s"]), receipt: Some(vec![1]) };
        transaction.challenges().answer(challenge.tap, Some(&answer), NOW).await.unwrap();
        let known = transaction.challenges().knowledge(challenge.tap, desk.id).await.unwrap();
        let (used, answered, known) = known.unwrap();
        assert_eq!((used.used_at, answered), (Some(NOW), Some(answer)));
        assert_eq!((known.workstation, known.phone), (desk, phone));
        assert_eq!(known.reference, None);
        assert_eq!(transaction.challenges().purge(NOW + 60.seconds()).await.unwrap(), 0);
        assert_eq!(transaction.challenges().purge(NOW + 61.seconds()).await.unwrap(), 1);
        assert_eq!(transaction.challenges().find(challenge.tap).await.unwrap(), None);
    }
}

#[tokio::test]
async fn taps_are_read_with_their_outcomes() {
    for mut transaction in transactions().await {
        let tap = |n, at, outcome| Tap {
            id: TapId::from(uuid(n)),
            workstation: WorkstationId::from(uuid(2)),
            phone: None,
            user: Some(UserId::from(uuid(1))),
            purpose: Purpose::TapIn,
            at,
            outcome,
        };
        let taps = [
            tap(1, NOW, Outcome::Accepted { session: SessionId::from(uuid(7)) }),
            tap(2, NOW + 1.second(), Outcome::Refused { reason: Refusal::ClockSkew }),
            tap(3, NOW + 2.seconds(), Outcome::Abandoned { reason: Abandonment::NoFace }),
        ];
        for tap in &taps {
            transaction.taps().add(tap).await.unwrap();
            assert_eq!(transaction.taps().find(tap.id).await.unwrap().as_ref(), Some(tap));
        }
        let latest = transaction.taps().of_user(UserId::from(uuid(1)), 2).await.unwrap();
        assert_eq!(latest, [taps[2].clone(), taps[1].clone()]);
        let again = transaction.taps().add(&taps[0]).await;
        assert!(again.unwrap_err().is_unique_violation());
    }
}

#[tokio::test]
async fn sessions_are_read_in_every_state() {
    for mut transaction in transactions().await {
        let (ada, desk, _) = people_and_machines(&mut transaction).await;
        let id = SessionId::from(uuid(5));
        let tap = Authentication::tap(NOW);
        let (active, _) = Session::open(id, ada.id, desk.id, tap, &LIMITS, NOW);
        transaction.sessions().add(&active).await.unwrap();
        let open = transaction.sessions().open_of_user(ada.id).await.unwrap();
        assert_eq!(open, std::slice::from_ref(&active));
        let later = Authentication::emergency(NOW + 1.minute());
        let active = active.reauthenticate(later, NOW + 1.minute()).unwrap();
        transaction.sessions().update(&active).await.unwrap();
        let touched = transaction.sessions().touched_by_tap(ada.id, desk.id).await.unwrap();
        assert_eq!(touched, std::slice::from_ref(&active));
        let (suspended, _) = active.suspend(&LIMITS, NOW).unwrap();
        transaction.sessions().update(&suspended).await.unwrap();
        let here = transaction.sessions().open_at(desk.id).await.unwrap();
        assert_eq!(here, [UserSession { session: suspended.clone(), user: ada.clone() }]);
        let stranger = UserId::from(uuid(9));
        let touched = transaction.sessions().touched_by_tap(stranger, desk.id).await.unwrap();
        assert_eq!(touched, [], "suspended, so not at the desk");
        let later = NOW + 1.hour();
        let expired = transaction.sessions().expired(later, 10).await.unwrap();
        assert_eq!(expired, std::slice::from_ref(&suspended));
        let (ended, _) = suspended.end(End::TapOut, NOW).unwrap();
        transaction.sessions().update(&ended).await.unwrap();
        let found = transaction.sessions().find(id).await.unwrap().unwrap();
        assert_eq!((found.session, found.user), (ended, ada));
        assert_eq!(transaction.sessions().expired(later, 10).await.unwrap(), []);
        assert_eq!(transaction.sessions().open_at(desk.id).await.unwrap(), []);
    }
}

/// Erasing the record of a session deletes its row, and the browsers that it signed on stay behind for a day.
#[tokio::test]
async fn a_session_is_forgotten_though_it_signed_a_browser_on() {
    for mut transaction in transactions().await {
        let (ada, desk, _) = people_and_machines(&mut transaction).await;
        let (id, tap) = (SessionId::from(uuid(5)), Authentication::tap(NOW));
        let (session, _) = Session::open(id, ada.id, desk.id, tap.clone(), &LIMITS, NOW);
        transaction.sessions().add(&session).await.unwrap();
        let by = Establishment {
            user: ada.id,
            desktop: Some((id, desk.id, session.expires_at)),
            credential: None,
            authentication: tap,
        };
        let sign_on = SignOnId::from(uuid(6));
        let (browser, _) = SignOn::establish(sign_on, by, &SignOnPolicy::default(), NOW);
        transaction.sign_ons().add(&browser, Digest::of(&[b"cookie"])).await.unwrap();
        let (session, _) = session.end(End::TapOut, NOW + 1.minute()).unwrap();
        transaction.sessions().update(&session).await.unwrap();
        transaction.sessions().forget(id).await.unwrap();
        assert!(transaction.sessions().find(id).await.unwrap().is_none());
        assert_eq!(transaction.sign_ons().find(sign_on).await.unwrap().unwrap().session, None);
    }
}

#[tokio::test]
async fn sessions_without_a_sign_of_life_are_found_until_they_give_one() {
    for mut transaction in transactions().await {
        let (ada, desk, _) = people_and_machines(&mut transaction).await;
        let limits = SessionLimits { idle: Some(SignedDuration::from_mins(30)), ..LIMITS };
        let open = |n, at| {
            let (id, tap) = (SessionId::from(uuid(n)), Authentication::tap(at));
            Session::open(id, ada.id, desk.id, tap, &limits, at).0
        };
        let (first, second) = (open(5, NOW), open(6, NOW + 1.minute()));
        transaction.sessions().add(&second).await.unwrap();
        transaction.sessions().add(&first).await.unwrap();
        let mine = transaction.sessions().open_of_user(ada.id).await.unwrap();
        assert_eq!(mine, [first.clone(), second.clone()], "oldest first");
        let late = NOW + 30.minutes();
        assert_eq!(transaction.sessions().idle(&LIMITS, late, 9).await.unwrap(), []);
        let idle = transaction.sessions().idle(&limits, late, 9).await.unwrap();
        assert_eq!(idle, std::slice::from_ref(&first));
        let elsewhere = WorkstationId::from(uuid(99));
        transaction.sessions().touch(first.id, elsewhere, late).await.unwrap();
        let idle = transaction.sessions().idle(&limits, late, 9).await.unwrap();
        assert_eq!(idle.len(), 1, "another workstation cannot say that she is at work");
        transaction.sessions().touch(first.id, desk.id, late).await.unwrap();
        assert_eq!(transaction.sessions().idle(&limits, late, 9).await.unwrap(), []);
        transaction.sessions().touch(first.id, desk.id, NOW).await.unwrap();
        let found = transaction.sessions().find(first.id).await.unwrap().unwrap();
        assert_eq!(found.session.active_at, late, "it never goes back");
    }
}

#[tokio::test]
async fn a_handover_is_taken_once_and_goes_with_its_session_or_its_time() {
    for mut transaction in transactions().await {
        let (ada, desk, _) = people_and_machines(&mut transaction).await;
        let (id, tap) = (SessionId::from(uuid(5)), Authentication::tap(NOW));
        let (session, _) = Session::open(id, ada.id, desk.id, tap, &LIMITS, NOW);
        transaction.sessions().add(&session).await.unwrap();
        let handover = |n: u8| Handover {
            code: Digest::of(&[&[n]]),
            interaction: InteractionId::from(uuid(n.into())),
            session: id,
            expires_at: NOW + 30.seconds(),
        };
        for n in 1..=3 {
            transaction.handovers().add(&handover(n)).await.unwrap();
        }
        let newer = Handover { code: Digest::of(&[b"newer"]), ..handover(1) };
        transaction.handovers().add(&newer).await.unwrap();
        assert_eq!(transaction.handovers().take(handover(1).code).await.unwrap(), None);
        assert_eq!(transaction.handovers().take(newer.code).await.unwrap(), Some(newer));
        assert_eq!(transaction.handovers().take(newer.code).await.unwrap(), None);
        assert_eq!(transaction.handovers().purge(NOW + 29.seconds()).await.unwrap(), 0);
        transaction.handovers().remove_of_session(SessionId::from(uuid(9))).await.unwrap();
        assert_eq!(transaction.handovers().purge(NOW + 30.seconds()).await.unwrap(), 2);
        transaction.handovers().add(&handover(4)).await.unwrap();
        transaction.handovers().remove_of_session(id).await.unwrap();
        assert_eq!(transaction.handovers().take(handover(4).code).await.unwrap(), None);
    }
}

#[tokio::test]
async fn emergencies_are_owed_a_review_until_they_have_one() {
    for mut transaction in transactions().await {
        let (ada, desk, _) = people_and_machines(&mut transaction).await;
        let emergency = |n: u128, second| Emergency {
            session: SessionId::from(uuid(n)),
            user: ada.id,
            workstation: desk.id,
            reason: "Cardiac arrest".parse().unwrap(),
            second,
            at: NOW,
            review_by: NOW + SignedDuration::from_hours(24 - i64::try_from(n).unwrap()),
            review: None,
        };
        let (first, second) = (emergency(1, None), emergency(2, Some(UserId::from(uuid(8)))));
        transaction.emergencies().add(&first).await.unwrap();
        transaction.emergencies().add(&second).await.unwrap();
        let owed = transaction.emergencies().owed(9).await.unwrap();
        assert_eq!(owed, [second.clone(), first.clone()], "the most urgent first");
        let (actor, remark) = (Actor::User(UserId::from(uuid(7))), "fine".parse().unwrap());
        let (reviewed, _) = second.review(&actor, true, remark, NOW + 1.hour()).unwrap();
        transaction.emergencies().update(&reviewed).await.unwrap();
        let found = transaction.emergencies().find(reviewed.session).await.unwrap();
        assert_eq!(found.as_ref(), Some(&reviewed));
        assert_eq!(transaction.emergencies().owed(9).await.unwrap(), std::slice::from_ref(&first));
        transaction.emergencies().forget(first.session).await.unwrap();
        assert_eq!(transaction.emergencies().find(first.session).await.unwrap(), None);
    }
}

#[tokio::test]
async fn attempts_settings_and_policies_keep_their_latest_value() {
    for mut transaction in transactions().await {
        let (ada, ..) = people_and_machines(&mut transaction).await;
        let none = transaction.attempts().find(ada.id).await.unwrap();
        assert_eq!(none, Attempts::none(ada.id));
        for failures in [3, 7, 0] {
            let wait_until = (failures == 7).then_some(NOW);
            let attempts = Attempts { user: ada.id, failures, wait_until };
            transaction.attempts().put(&attempts).await.unwrap();
            assert_eq!(transaction.attempts().find(ada.id).await.unwrap(), attempts);
        }
        assert_eq!(transaction.settings().find("x").await.unwrap(), None);
        for value in ["1", "2"] {
            transaction.settings().put("x", value).await.unwrap();
            assert_eq!(transaction.settings().find("x").await.unwrap().as_deref(), Some(value));
        }
        let policy = transaction.policies().current().await.unwrap();
        let policy = imp_identity::policy::Policy { version: policy.version + 1, ..policy };
        transaction.policies().add(&policy).await.unwrap();
        assert_eq!(transaction.policies().current().await.unwrap(), policy);
        assert!(transaction.policies().add(&policy).await.unwrap_err().is_unique_violation());
    }
}

#[tokio::test]
async fn an_entry_is_added_once_at_its_index() {
    for mut transaction in transactions().await {
        let id = UserId::from(uuid(1));
        let record = |n| Record {
            id: EventId::from(uuid(n)),
            at: NOW,
            actor: Actor::User(UserId::from(uuid(7))),
            event: Event::UserDisabled { user: id },
        };
        assert_eq!(transaction.entries().last_of_roster().await.unwrap(), 0);
        for n in 0..3_u8 {
            let record = record(u128::from(n));
            let text = serde_json::to_string(&record).unwrap();
            let (salt, commitment) = ([n; 32], [n + 100; 32]);
            let entry = NewEntry {
                index: u64::from(n),
                record: &record,
                text: &text,
                salt: &salt,
                commitment: &commitment,
            };
            transaction.entries().add(&entry).await.unwrap();
        }
        assert_eq!(transaction.entries().last_of_roster().await.unwrap(), 3);
        let found = transaction.entries().find(1).await.unwrap().unwrap();
        assert_eq!((found.index, found.at, found.kind.as_str()), (1, NOW, "user-disabled"));
        assert_eq!(found.commitment, [101; 32]);
        assert_eq!(found.entry().unwrap(), Some(Entry { index: 1, record: record(1) }));
        let by_event = transaction.entries().find_event(EventId::from(uuid(1))).await.unwrap();
        assert_eq!(by_event.as_ref(), Some(&found));
        let places = |page: Vec<StoredEntry>| page.iter().map(|e| e.index).collect::<Vec<_>>();
        assert_eq!(places(transaction.entries().page(1, 9).await.unwrap()), [1, 2]);
        assert_eq!(places(transaction.entries().page_before(2, 9).await.unwrap()), [1, 0]);
        assert_eq!(places(transaction.entries().of_user(id, 0, 1).await.unwrap()), [0]);
        let commitments = transaction.entries().commitments(1..9).await.unwrap();
        assert_eq!(commitments, [[101; 32], [102; 32]]);
    }
}

#[tokio::test]
async fn a_row_that_another_hand_wrote_is_refused() {
    const SQL: &str = "UPDATE users SET role = 'queen'";
    for mut transaction in transactions().await {
        let (ada, ..) = people_and_machines(&mut transaction).await;
        on!(&mut transaction, |conn| sqlx::query(SQL).execute(conn).await.map(drop)).unwrap();
        let error = transaction.users().find(ada.id).await.unwrap_err();
        assert!(matches!(error, StorageError::Corrupt { what: "users.role" }));
    }
}

mod devices;
