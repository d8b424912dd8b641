//! `request_erasure`, `approve_erasure`, `refuse_erasure`, `continue_erasures`, `expire_records`
use imp_identity::erasure::{ErasureError, Scope, State};
use imp_identity::tap::Purpose;
use imp_identity::user::Role;
use imp_identity::{Actor, Event, UserId};
use imp_translog::{leaf_hash, open_checkpoint};
use jiff::SignedDuration;

use super::hospital::Hospital;
use super::{Ward, hospitals, wards};
use crate::command::{
    DecideErasureError, RequestErasureError, StoredEntry, approve_erasure, continue_erasures,
    end_session, events_page, expire_records, list_erasures, refuse_erasure, request_erasure,
};
use crate::log;
use crate::store::Tables as _;

fn because() -> imp_identity::name::Remark {
    "entered for the wrong person".parse().unwrap()
}

async fn entry(hospital: &Hospital, index: u64) -> StoredEntry {
    events_page(&hospital.storage, index, 1).await.unwrap().remove(0)
}

/// Every entry is proved by the checkpoint, and its commitment is that of the record where there is one.
async fn verifies(hospital: &Hospital) {
    let (storage, key) = (&hospital.storage, hospital.log_key.verifier_key());
    let note = log::checkpoint(storage, key).await.unwrap().unwrap();
    let checkpoint = open_checkpoint(&note, key).unwrap();
    assert_eq!(hospital.place().await, checkpoint.size);
    for index in 0..checkpoint.size {
        let entry = entry(hospital, index).await;
        let shown = log::inclusion(storage, key, index, Some(checkpoint.size)).await.unwrap();
        let leaf = leaf_hash(&entry.commitment);
        assert_eq!(shown.proof.verify(index, checkpoint.size, leaf, checkpoint.root), Ok(()));
        if let Some(content) = &entry.content {
            let made = imp_translog::commitment(&content.salt, &content.record);
            assert_eq!(made, entry.commitment);
        }
    }
}

/// The index of the last entry of a kind.
async fn last(hospital: &Hospital, kind: &str) -> u64 {
    let page = events_page(&hospital.storage, 0, 500).await.unwrap();
    page.iter().rfind(|entry| entry.kind == kind).unwrap().index
}

#[tokio::test]
async fn a_record_is_erased_when_one_asks_and_another_approves_and_its_proof_stays() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let administrator = hospital.user("adam", Role::Administrator).await.id;
        let auditor = hospital.user("olga", Role::Auditor).await.id;
        let accepted = hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let index = last(&hospital, "tap-accepted").await;
        let before = entry(&hospital, index).await;
        let Some(Event::TapAccepted(facts)) =
            before.entry().unwrap().map(|entry| entry.record.event)
        else {
            panic!("no tap")
        };
        let scope = Scope::Record(index);
        let actor = Actor::User(administrator);
        let asked = request_erasure(&mut hospital.context(), actor, scope, because()).await;
        let id = asked.unwrap().id;
        assert_eq!(entry(&hospital, index).await, before, "nobody has approved");
        let own = approve_erasure(&mut hospital.context(), administrator, id).await;
        assert!(matches!(own, Err(DecideErasureError::Refused(ErasureError::OwnRequest))));
        assert_eq!(entry(&hospital, index).await, before);

        let done = approve_erasure(&mut hospital.context(), auditor, id).await.unwrap();
        assert_eq!(done.state, State::Done { by: auditor, at: hospital.now, erased: 1 });
        let after = entry(&hospital, index).await;
        assert_eq!(after, StoredEntry { content: None, ..before });
        assert_eq!(after.entry().unwrap(), None);
        let mut transaction = hospital.storage.read().await.unwrap();
        assert_eq!(transaction.taps().find(facts.tap).await.unwrap(), None);
        let hers = transaction.entries().of_user(nurse.user.id, index, 500).await.unwrap();
        assert!(
            hers.iter().all(|entry| entry.index != index),
            "the row says no longer whose it was"
        );
        drop(transaction);
        let events = hospital.facts_of_erasures().await;
        let [Event::ErasureRequested { .. }, Event::RecordsErased { entries, .. }] =
            events.as_slice()
        else {
            panic!("{events:?}")
        };
        assert_eq!(entries, &[index]);
        verifies(&hospital).await;
        let again = approve_erasure(&mut hospital.context(), auditor, id).await;
        assert!(matches!(again, Err(DecideErasureError::Refused(ErasureError::Decided))));
        let actor = Actor::User(administrator);
        let again = request_erasure(&mut hospital.context(), actor, scope, because()).await;
        assert!(matches!(again, Err(RequestErasureError::Erased)));
        let session = accepted.session.id;
        end_session(&mut hospital.context(), Actor::Server, session).await.unwrap();
    }
}

#[tokio::test]
async fn what_the_law_wants_kept_is_not_erased_before_its_time() {
    for mut hospital in hospitals().await {
        hospital.user("ada", Role::Staff).await;
        let asked =
            request_erasure(&mut hospital.context(), Actor::Server, Scope::Record(0), because())
                .await;
        let Err(RequestErasureError::Kept { kind, ground }) = asked else { panic!("{asked:?}") };
        assert_eq!(kind, "user-created");
        assert!(ground.contains("164.316"), "{ground}");
        let beyond =
            request_erasure(&mut hospital.context(), Actor::Server, Scope::Record(9), because())
                .await;
        assert!(matches!(beyond, Err(RequestErasureError::NotFound)));
        assert_eq!(hospital.place().await, 1, "nothing was recorded");
    }
}

#[tokio::test]
async fn all_about_a_person_goes_in_parts_and_others_stay() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let auditor = hospital.user("olga", Role::Auditor).await.id;
        for _ in 0..120 {
            hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        }
        let colleague = hospital.user("bea", Role::Staff).await;
        let operator = Actor::Operator("root".to_owned());
        let scope = Scope::Person(nurse.user.id);
        let asked = request_erasure(&mut hospital.context(), operator, scope, because()).await;
        let id = asked.unwrap().id;
        let begun = approve_erasure(&mut hospital.context(), auditor, id).await.unwrap();
        assert!(matches!(begun.state, State::Approved { .. }), "{begun:?}");
        while continue_erasures(&mut hospital.context()).await.unwrap() {}
        let done = list_erasures(&hospital.storage, None, 9).await.unwrap().remove(0);
        let State::Done { erased, .. } = done.state else { panic!("{done:?}") };
        assert!(erased >= 240, "{erased}");
        let mut about = vec![];
        for from in [0, 400, 800] {
            about.extend(events_page(&hospital.storage, from, 400).await.unwrap());
        }
        let hers = |kind: &str| about.iter().find(|entry| entry.kind == kind).unwrap();
        assert!(about.iter().all(|e| e.kind != "tap-accepted" || e.content.is_none()));
        assert!(hers("enrolment-completed").content.is_some(), "consent is kept");
        let known = |id: UserId| {
            about.iter().any(|entry| {
                let read = entry.entry().unwrap();
                read.is_some_and(|read| read.record.event.user() == Some(id))
            })
        };
        assert!(known(colleague.id));
        verifies(&hospital).await;
        assert!(!continue_erasures(&mut hospital.context()).await.unwrap());
    }
}

#[tokio::test]
async fn a_refused_request_erases_nothing() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        let auditor = hospital.user("olga", Role::Auditor).await.id;
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let index = last(&hospital, "tap-accepted").await;
        let before = entry(&hospital, index).await;
        let scope = Scope::Record(index);
        let asked = request_erasure(&mut hospital.context(), Actor::Server, scope, because()).await;
        let id = asked.unwrap().id;
        let no = || "needed in a case".parse().unwrap();
        let refused = refuse_erasure(&mut hospital.context(), auditor, id, no()).await.unwrap();
        assert_eq!(refused.state, State::Refused { by: auditor, at: hospital.now });
        let late = approve_erasure(&mut hospital.context(), auditor, id).await;
        assert!(matches!(late, Err(DecideErasureError::Refused(ErasureError::Decided))));
        assert_eq!(entry(&hospital, index).await, before);
        let events = hospital.facts_of_erasures().await;
        assert_eq!(
            events.iter().map(Event::name).collect::<Vec<_>>(),
            ["erasure-requested", "erasure-refused"]
        );
    }
}

#[tokio::test]
async fn records_past_their_retention_are_erased_and_each_batch_is_an_event() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let early = last(&hospital, "tap-accepted").await;
        assert_eq!(expire_records(&mut hospital.context()).await.unwrap(), 0);
        let quiet = hospital.place().await;
        hospital.advance(SignedDuration::from_hours(24 * (3 * 365 + 1)));
        hospital.user("newcomer", Role::Staff).await;
        let erased = expire_records(&mut hospital.context()).await.unwrap();
        assert!(erased > 0);
        assert!(entry(&hospital, early).await.content.is_none());
        assert!(entry(&hospital, 0).await.content.is_some(), "six years have not gone by");
        let mut expired = 0;
        for event in hospital.facts_after(quiet).await {
            if let Event::RecordsExpired { of, from, until, erased } = event {
                assert!(from < until && !of.is_empty());
                expired += erased;
            }
        }
        assert_eq!(expired, erased);
        let place = hospital.place().await;
        assert_eq!(expire_records(&mut hospital.context()).await.unwrap(), 0);
        assert_eq!(hospital.place().await, place, "nothing to do is no event");
        verifies(&hospital).await;
    }
}
