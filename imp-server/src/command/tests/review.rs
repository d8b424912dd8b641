//! Reviewing: `search_events`, `read_timeline`, `prove_entry`, `save_search`, `open_case`, `change_case`, `read_case`
use imp_events::{AttendanceRefused, Question};
use imp_identity::case::{CaseError, Conclusion};
use imp_identity::event::Event;
use imp_identity::tap::Purpose;
use imp_identity::user::Role;
use imp_identity::{Actor, UserId};
use jiff::SignedDuration;

use super::{Hospital, Ward, wards};
use crate::command::{
    AskError, CaseChange, ChangeCaseError, OpenCase, Paging, ProveError, RemoveSearchError,
    SaveSearch, SaveSearchError, SearchPage, Subject, TimelineQuestion, change_case, find_search,
    list_searches, open_case, prove_entry, read_case, read_timeline, remove_search, save_search,
    search_events,
};
use crate::store::Direction;

const NEWEST: Paging = Paging { direction: Direction::Newest { before: None }, limit: 100 };

async fn auditor(hospital: &mut Hospital) -> (UserId, Actor) {
    let user = hospital.user("audrey", Role::Auditor).await.id;
    (user, Actor::User(user))
}

async fn search(
    hospital: &mut Hospital,
    actor: &Actor,
    question: Question,
) -> Result<SearchPage, AskError> {
    search_events(&mut hospital.context(), actor, question, NEWEST).await
}

/// One person over some days that ended some days ago.
fn days(hospital: &Hospital, person: UserId, ended: i64, days: i64) -> Question {
    let day = SignedDuration::from_hours(24);
    let until = hospital.now - day * i32::try_from(ended).unwrap();
    let from = until - day * i32::try_from(days).unwrap();
    Question { person: Some(person), from: Some(from), until: Some(until), ..Question::default() }
}

#[tokio::test]
async fn every_search_is_an_entry_that_says_who_asked_what() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let (_, actor) = auditor(&mut hospital).await;
        let place = hospital.place().await;
        let question = Question { person: Some(nurse.user.id), ..Question::default() };
        let page = search(&mut hospital, &actor, question).await.unwrap();
        assert_eq!(page.entries[0].sentence(&page.names), "ada tapped in at Ward 3, bed 7, masked");
        let read = hospital.facts_after(place).await;
        let [Event::LogRead { question, user, .. }] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!(*user, Some(nurse.user.id));
        // What was asked for is written down with the day that was meant.
        let written = Question::from_json(question).unwrap();
        assert_eq!((written.person, written.span()), (*user, Some(SignedDuration::from_hours(24))));
        assert_eq!(written, page.question);
    }
}

#[tokio::test]
async fn a_month_cut_into_weeks_is_a_month_for_each_reader_by_herself() {
    for Ward { mut hospital, nurse, .. } in wards().await {
        let (_, actor) = auditor(&mut hospital).await;
        let person = nurse.user.id;
        let week = days(&hospital, person, 0, 6);
        search(&mut hospital, &actor, week.clone()).await.unwrap();
        search(&mut hospital, &actor, week).await.unwrap();
        let before = days(&hospital, person, 6, 6);
        let place = hospital.place().await;
        for (reader, refused) in [
            (actor.clone(), true),
            (Actor::Operator("root".to_owned()), false),
            (Actor::Operator("root".to_owned()), false),
        ] {
            let answer = search(&mut hospital, &reader, before.clone()).await;
            let pieces = matches!(answer, Err(AskError::Attendance(AttendanceRefused::Pieces)));
            assert_eq!(pieces, refused, "{reader:?}: {answer:?}");
        }
        assert_eq!(hospital.events_after(place).await, ["log-read"; 2], "a refusal reads nothing");
        let operator = Actor::Operator("root".to_owned());
        let now = days(&hospital, person, 0, 6);
        let pieces = search(&mut hospital, &operator, now.clone()).await;
        assert!(matches!(pieces, Err(AskError::Attendance(AttendanceRefused::Pieces))));
        // After a month it is forgotten.
        hospital.advance(SignedDuration::from_hours(24 * 31));
        search(&mut hospital, &actor, before).await.unwrap();
    }
}

#[tokio::test]
async fn a_timeline_puts_together_what_belongs_to_one_session() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        hospital.advance(SignedDuration::from_hours(30));
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        hospital.advance(SignedDuration::from_mins(10));
        hospital.tap(&nurse, &desk, Purpose::TapOut).await.unwrap();
        hospital.advance(SignedDuration::from_mins(10));
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let (_, actor) = auditor(&mut hospital).await;
        let context = &mut hospital.context();
        let whose = |subject| TimelineQuestion { subject, from: None, until: None, case: None };
        for subject in [Subject::Person(nurse.user.id), Subject::Workstation(desk.id)] {
            let timeline = read_timeline(context, &actor, whose(subject)).await.unwrap();
            let titles: Vec<_> = timeline.groups.iter().map(|group| group.title.as_str()).collect();
            assert_eq!(
                titles,
                [
                    "Session of ada at Ward 3, bed 7, 2026-03-03T14:20:00Z",
                    "Session of ada at Ward 3, bed 7, 2026-03-03T14:00:00Z to 2026-03-03T14:10:00Z",
                ]
            );
            let kinds: Vec<_> =
                timeline.groups[1].entries.iter().map(|entry| entry.kind.as_str()).collect();
            assert_eq!(
                kinds,
                ["session-established", "tap-accepted", "session-revoked", "tap-accepted"]
            );
            assert!(!timeline.truncated);
        }
        let week = TimelineQuestion {
            from: Some(context.now - SignedDuration::from_hours(48)),
            ..whose(Subject::Workstation(desk.id))
        };
        let refused = read_timeline(context, &actor, week).await;
        assert!(matches!(refused, Err(AskError::Attendance(AttendanceRefused::Everybody))));
    }
}

#[tokio::test]
async fn a_case_allows_to_ask_further_while_it_is_open() {
    for Ward { mut hospital, nurse, .. } in wards().await {
        let (audrey, actor) = auditor(&mut hospital).await;
        let month = days(&hospital, nurse.user.id, 0, 30);
        let created = hospital.place().await - 1;
        let open = OpenCase { title: None, entries: vec![created] };
        let case = open_case(&mut hospital.context(), &actor, open).await.unwrap();
        assert_eq!((case.number, case.user), (1, Some(audrey)), "about whom the entry is");
        assert_eq!(case.title.as_str(), "the server created the auditor audrey");
        let month = Question { case: Some(case.id), ..month };
        search(&mut hospital, &actor, month.clone()).await.unwrap();
        let context = &mut hospital.context();
        let reason = "Nothing in it.".parse().unwrap();
        let close = CaseChange::Close { conclusion: Conclusion::Legitimate, reason };
        change_case(context, &actor, 1, close.clone()).await.unwrap();
        let again = change_case(context, &actor, 1, close).await;
        assert!(matches!(again, Err(ChangeCaseError::Refused(CaseError::Closed))));
        let late = search_events(context, &actor, month, NEWEST).await;
        assert!(matches!(late, Err(AskError::CaseNotOpen)));
    }
}

#[tokio::test]
async fn each_change_of_a_case_is_an_entry_in_its_file() {
    for Ward { mut hospital, officer, .. } in wards().await {
        let (audrey, actor) = auditor(&mut hospital).await;
        let context = &mut hospital.context();
        let title = Some("Why?".parse().unwrap());
        let open = OpenCase { title, entries: vec![3, 0, 3] };
        assert_eq!(open_case(context, &actor, open).await.unwrap().entries, [0, 3]);
        let not_her = change_case(context, &actor, 1, CaseChange::Assign(officer.id)).await;
        assert!(matches!(not_her, Err(ChangeCaseError::NotAuditor)));
        let nowhere = change_case(context, &actor, 2, CaseChange::Assign(audrey)).await;
        assert!(matches!(nowhere, Err(ChangeCaseError::NotFound)));
        change_case(context, &actor, 1, CaseChange::Assign(audrey)).await.unwrap();
        let comment = |entries| CaseChange::Comment { comment: "See".parse().unwrap(), entries };
        change_case(context, &actor, 1, comment(vec![1])).await.unwrap();
        let far = change_case(context, &actor, 1, comment(vec![9999])).await;
        assert!(matches!(far, Err(ChangeCaseError::EntryNotFound { index: 9999 })));

        let file = read_case(context, &actor, 1, true).await.unwrap();
        let indexes = |entries: &[crate::command::Reviewed]| {
            entries.iter().map(|entry| entry.index).collect::<Vec<_>>()
        };
        assert_eq!(indexes(&file.evidence), [0, 1, 3]);
        let kinds: Vec<_> = file.history.iter().map(|entry| entry.kind.as_str()).collect();
        assert_eq!(kinds, ["case-opened", "case-assigned", "case-commented"]);
        let key = context.log_key.verifier_key().clone();
        let proofs = file.proofs.unwrap();
        assert_eq!(proofs.len(), 6);
        for proven in &proofs {
            let leaf = imp_translog::leaf_hash(&proven.entry.commitment);
            let tree = imp_translog::open_checkpoint(&proven.checkpoint, &key).unwrap();
            proven.proof.verify(proven.entry.index, tree.size, leaf, tree.root).unwrap();
        }
        let missing = prove_entry(context, &actor, 9999).await;
        assert!(matches!(missing, Err(ProveError::NotFound)));
    }
}

#[tokio::test]
async fn a_search_is_kept_for_its_owner_or_for_all() {
    for Ward { mut hospital, nurse, .. } in wards().await {
        let (_, audrey) = auditor(&mut hospital).await;
        let bob = Actor::User(hospital.user("bob", Role::Auditor).await.id);
        let operator = Actor::Operator("root".to_owned());
        let month = days(&hospital, nurse.user.id, 0, 30);
        let storage = hospital.storage.clone();
        let context = &mut hospital.context();
        let new = |shared, question| SaveSearch { name: "Mine".parse().unwrap(), shared, question };
        let refused = save_search(context, &audrey, new(false, month)).await;
        assert!(matches!(refused, Err(SaveSearchError::Attendance(AttendanceRefused::Person))));
        let question = Question::default();
        let own = save_search(context, &audrey, new(false, question.clone())).await.unwrap();
        let twice = save_search(context, &audrey, new(true, question.clone())).await;
        assert!(matches!(twice, Err(SaveSearchError::NameTaken)));
        save_search(context, &bob, new(false, question.clone())).await.unwrap();
        let all = save_search(context, &operator, new(false, question.clone())).await.unwrap();
        let twice = save_search(context, &operator, new(false, question)).await;
        assert!(matches!(twice, Err(SaveSearchError::NameTaken)));
        assert_eq!(list_searches(&storage, &audrey).await.unwrap().len(), 2);
        assert_eq!(list_searches(&storage, &operator).await.unwrap(), std::slice::from_ref(&all));
        assert_eq!(find_search(&storage, &bob, own.id).await.unwrap(), None);
        assert_eq!(find_search(&storage, &bob, all.id).await.unwrap(), Some(all.clone()));
        for (actor, id) in [(&bob, own.id), (&bob, all.id), (&operator, own.id)] {
            let refused = remove_search(context, actor, id).await;
            assert!(matches!(refused, Err(RemoveSearchError::NotFound)));
        }
        remove_search(context, &audrey, own.id).await.unwrap();
        remove_search(context, &operator, all.id).await.unwrap();
        assert_eq!(list_searches(&storage, &audrey).await.unwrap(), []);
    }
}
