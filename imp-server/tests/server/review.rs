//! Reviewing the log over HTTP: who may, what is found, and what is refused.
use std::collections::BTreeMap;

use imp_api::audit::{
    AssignCase, CloseCase, CommentCase, EventProof, Events, EventsQuery, OpenCase, ReopenCase,
    SaveSearch,
};
use imp_api::log::LogKey;
use imp_api::{Client, ClientError};
use imp_identity::case::Conclusion;
use imp_identity::user::Role;
use imp_translog::{Evidence, VerifierKey};
use jiff::SignedDuration;
use serde_json::Value;

use crate::hospital::{Hospital, problem, user};

/// A hospital with an administrator, an auditor, and a workstation.
struct House {
    hospital: Hospital,
    administrator: Client,
    auditor: Client,
}

impl House {
    async fn open() -> Self {
        let hospital = Hospital::open().await;
        let administrator = hospital.first_administrator().await;
        hospital.workstation(&administrator).await;
        let (_, token) = hospital.person(&administrator, "audrey", Role::Auditor).await;
        let auditor = hospital.stranger().with_token(token);
        Self { hospital, administrator, auditor }
    }

    async fn find(&self, query: EventsQuery) -> Events {
        self.auditor.events(&query).await.unwrap()
    }

    async fn of_kind(&self, kind: &str) -> Vec<u64> {
        let query = EventsQuery { kind: Some(kind.to_owned()), ..EventsQuery::default() };
        self.find(query).await.events.iter().map(|entry| entry.index).collect()
    }
}

fn ask() -> EventsQuery {
    EventsQuery::default()
}

/// Every route of the review in the contract, by everybody: whoever adds one finds it asked for here.
#[tokio::test]
async fn only_auditors_review_the_log() {
    let house = House::open().await;
    let contract: Value = house.auditor.get("v1/openapi.json").await.unwrap();
    let mut callers = vec![
        (None, house.hospital.stranger()),
        (Some(Role::Administrator), house.administrator.clone()),
        (Some(Role::Auditor), house.auditor.clone()),
    ];
    for role in [Role::Staff, Role::Officer] {
        let (_, token) = house.hospital.person(&house.administrator, role.code(), role).await;
        callers.push((Some(role), house.hospital.stranger().with_token(token)));
    }
    let mut asked = BTreeMap::new();
    for (path, methods) in contract["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["tags"][0] != "audit" {
                continue;
            }
            for (role, client) in &callers {
                let expected = match role {
                    None => "sign-in-required",
                    Some(Role::Auditor) => "allowed",
                    Some(_) => "role-insufficient",
                };
                let got = call(client, method, path).await;
                assert_eq!(got, expected, "{method} {path} by {role:?}");
                *asked.entry(got).or_insert(0) += 1;
            }
        }
    }
    assert!(asked["allowed"] >= 15, "the routes were found: {asked:?}");
}

/// Whether a caller gets as far as what she asks for.
async fn call(client: &Client, method: &str, path: &str) -> String {
    let path = path
        .trim_start_matches('/')
        .replace("{index}", "0")
        .replace("{number}", "99")
        .replace("{user}", "ada")
        .replace("{workstation}", "Ward%203")
        .replace("{search}", "0192f000-0000-7000-8000-000000000000")
        .replace("{session}", "0192f000-0000-7000-8000-000000000000");
    assert!(!path.contains('{'), "{path}: say here what its parameters may be");
    let body = serde_json::json!({});
    let answer = match method {
        "get" => client.get::<Value>(&path).await.map(drop),
        "post" => client.post::<Value>(&path, &body).await.map(drop),
        "put" => client.put::<Value>(&path, &body).await.map(drop),
        "delete" => client.delete::<Value>(&path).await.map(drop),
        other => panic!("{other}"),
    };
    match answer.as_ref().err().and_then(ClientError::problem).map(imp_api::Problem::code) {
        Some(refused @ ("sign-in-required" | "role-insufficient")) => refused.to_owned(),
        Some(_) | None => "allowed".to_owned(),
    }
}

#[tokio::test]
async fn everything_is_in_the_event_log_in_order_and_says_what_it_is() {
    let house = House::open().await;
    let page = house.find(EventsQuery { order: Some("oldest".to_owned()), ..ask() }).await;
    let names: Vec<_> = page.events.iter().map(|entry| entry.kind.as_str()).collect();
    for name in [
        "server-initialised",
        "administrator-token-issued",
        "administrator-token-redeemed",
        "workstation-invited",
        "workstation-enrolled",
        "certificate-issued",
    ] {
        assert_eq!(names.iter().filter(|n| **n == name).count(), 1, "{name}: {names:?}");
    }
    let indexes: Vec<_> = page.events.iter().map(|entry| entry.index).collect();
    assert_eq!(indexes, (0..indexes.len() as u64).collect::<Vec<_>>());
    let said: Vec<_> = page.events.iter().map(|entry| entry.sentence.as_str()).collect();
    assert!(said.contains(&"ADA created the auditor AUDREY"), "{said:#?}");
    assert!(said.contains(&"Ward 3 was enrolled"), "{said:#?}");
    assert!(page.names.values().any(|name| name == "ADA (ada)"), "{:?}", page.names);

    let second = house.find(EventsQuery { after: Some(5), limit: Some(1), ..ask() }).await;
    assert_eq!(second.events[0].index, 6);
    assert_eq!(second.next, Some(6));
    // That it was read is in it, newest first.
    let newest = house.find(EventsQuery { limit: Some(1), ..ask() }).await;
    assert_eq!(newest.events[0].sentence, "AUDREY searched the log");
}

#[tokio::test]
async fn a_question_is_answered_by_name_and_what_is_wrong_with_it_is_said() {
    let house = House::open().await;
    let by_ada = EventsQuery {
        person: Some("ada".to_owned()),
        kind: Some("user-created".to_owned()),
        ..ask()
    };
    assert_eq!(house.find(by_ada).await.events.len(), 2, "she made herself and Audrey");
    let at = EventsQuery {
        workstation: Some("Ward 3".to_owned()),
        kind: Some("workstation-invited".to_owned()),
        ..ask()
    };
    assert_eq!(house.find(at).await.events.len(), 1);
    for (query, code) in [
        (EventsQuery { person: Some("nobody".to_owned()), ..ask() }, "not-found"),
        (EventsQuery { workstation: Some("Nowhere".to_owned()), ..ask() }, "not-found"),
        (EventsQuery { case: Some(7), ..ask() }, "not-found"),
        (EventsQuery { kind: Some("coffee-made".to_owned()), ..ask() }, "query-invalid"),
        (EventsQuery { outcome: Some("maybe".to_owned()), ..ask() }, "query-invalid"),
        (EventsQuery { before: Some(1), after: Some(1), ..ask() }, "query-invalid"),
        (EventsQuery { order: Some("best".to_owned()), ..ask() }, "query-invalid"),
    ] {
        assert_eq!(problem(house.auditor.events(&query).await), code, "{query:?}");
    }
    house.hospital.workstation(&house.administrator).await;
    let two = EventsQuery { workstation: Some("Ward 3".to_owned()), ..ask() };
    assert_eq!(problem(house.auditor.events(&two).await), "query-invalid");
}

#[tokio::test]
async fn attendance_is_refused_however_it_is_asked_for() {
    let house = House::open().await;
    let now = house.hospital.server.app().now();
    let ada = |days: i64| EventsQuery {
        person: Some("ada".to_owned()),
        from: Some(now - SignedDuration::from_hours(24 * days)),
        until: Some(now),
        ..ask()
    };
    let refused = "attendance-refused";
    assert_eq!(problem(house.auditor.events(&ada(31)).await), refused);
    assert_eq!(
        problem(house.auditor.user_timeline("ada", &EventsQuery { person: None, ..ada(31) }).await),
        refused
    );
    let month = EventsQuery { person: None, ..ada(31) };
    assert_eq!(problem(house.auditor.workstation_timeline("Ward 3", &month).await), refused);
    let save = SaveSearch { name: "Ada".to_owned(), shared: false, question: ada(31) };
    assert_eq!(problem(house.auditor.save_search(&save).await), refused);
    let save = SaveSearch { question: EventsQuery { from: None, until: None, ..ada(1) }, ..save };
    assert_eq!(problem(house.auditor.save_search(&save).await), refused, "no time at all");

    // A week that was saved and another week when it is run are two weeks.
    let save = SaveSearch { question: ada(6), ..save };
    let saved = house.auditor.save_search(&save).await.unwrap();
    house.auditor.run_search(saved.id, &ask()).await.unwrap();
    let earlier = EventsQuery {
        from: Some(now - SignedDuration::from_hours(24 * 12)),
        until: Some(now - SignedDuration::from_hours(24 * 6)),
        ..ask()
    };
    assert_eq!(problem(house.auditor.run_search(saved.id, &earlier).await), refused);

    // Refused taps say nothing about presence, and an open case is answered for.
    let harmless = EventsQuery { outcome: Some("refused".to_owned()), ..ada(31) };
    house.auditor.events(&harmless).await.unwrap();
    let open = OpenCase { title: Some("Who was Ada?".to_owned()), entries: vec![] };
    let case = house.auditor.open_case(&open).await.unwrap();
    house.auditor.events(&EventsQuery { case: Some(case.number), ..ada(31) }).await.unwrap();
    let close = CloseCase { conclusion: Conclusion::Legitimate, reason: "She is.".to_owned() };
    house.auditor.close_case(case.number, &close).await.unwrap();
    let late = house.auditor.events(&EventsQuery { case: Some(case.number), ..ada(31) }).await;
    assert_eq!(problem(late), "case-state");
}

#[tokio::test]
async fn a_case_is_opened_from_an_entry_and_its_history_is_the_log() {
    let house = House::open().await;
    let entry = house.of_kind("workstation-enrolled").await[0];
    let open = OpenCase { title: None, entries: vec![entry] };
    let case = house.auditor.open_case(&open).await.unwrap();
    assert_eq!((case.number, case.state.as_str()), (1, "open"));
    assert_eq!(case.title, "Ward 3 was enrolled", "what the entry says");

    let (auditor, number) = (&house.auditor, case.number);
    let assign = |name: &str| AssignCase { assignee: name.to_owned() };
    assert_eq!(problem(auditor.assign_case(number, &assign("ada")).await), "case-invalid");
    auditor.assign_case(number, &assign("audrey")).await.unwrap();
    assert_eq!(problem(auditor.assign_case(number, &assign("audrey")).await), "case-state");
    let more = house.of_kind("certificate-issued").await[0];
    let comment = CommentCase { comment: "See this\ntoo".to_owned(), entries: vec![more, entry] };
    let commented = auditor.comment_case(number, &comment).await.unwrap();
    assert_eq!(commented.entries, [entry, more]);
    let far = CommentCase { entries: vec![1_000_000], ..comment };
    assert_eq!(problem(auditor.comment_case(number, &far).await), "case-invalid");
    let reason = "As ordered.".to_owned();
    let close = CloseCase { conclusion: Conclusion::Legitimate, reason: reason.clone() };
    assert_eq!(auditor.close_case(number, &close).await.unwrap().state, "closed");
    assert_eq!(problem(auditor.close_case(number, &close).await), "case-state");
    assert!(auditor.cases(Some("open")).await.unwrap().cases.is_empty());
    assert_eq!(auditor.cases(Some("closed")).await.unwrap().cases[0].reason, Some(reason.clone()));
    auditor.reopen_case(number, &ReopenCase { reason }).await.unwrap();
    assert_eq!(problem(auditor.case(9, false).await), "not-found");

    let file = auditor.case(number, false).await.unwrap();
    let evidence: Vec<_> = file.evidence.iter().map(|entry| entry.index).collect();
    assert_eq!(evidence, [entry, more]);
    let history: Vec<_> = file.history.iter().map(|entry| entry.sentence.as_str()).collect();
    assert_eq!(
        history,
        [
            "AUDREY opened case 1: Ward 3 was enrolled",
            "AUDREY assigned case 1 to AUDREY",
            "AUDREY wrote in case 1 (with 2 entries): See this too",
            "AUDREY closed case 1 as legitimate: As ordered.",
            "AUDREY reopened case 1: As ordered.",
        ]
    );
    let nothing = OpenCase { title: None, entries: vec![] };
    assert_eq!(problem(auditor.open_case(&nothing).await), "case-invalid");
}

#[tokio::test]
async fn entries_and_cases_are_proven_with_the_logs_key_alone() {
    let house = House::open().await;
    let key: LogKey = house.hospital.stranger().get("v1/log/key").await.unwrap();
    let key: VerifierKey = key.key.parse().unwrap();
    let entry = house.of_kind("workstation-enrolled").await[0];
    let proof = house.auditor.event_proof(entry).await.unwrap();
    assert!(holds(&proof, &key));
    let record = proof.record.as_ref().unwrap().replace("workstation", "workstatiom");
    assert!(!holds(&EventProof { record: Some(record), ..proof.clone() }, &key));
    assert!(!holds(&EventProof { index: entry + 1, ..proof }, &key));
    assert_eq!(problem(house.auditor.event_proof(1_000_000).await), "not-in-log");

    let open = OpenCase { title: None, entries: vec![0, entry] };
    let case = house.auditor.open_case(&open).await.unwrap();
    let proofs = house.auditor.case(case.number, true).await.unwrap().proofs.unwrap();
    assert_eq!(proofs.len(), 3, "two entries, and the opening");
    assert!(proofs.iter().all(|proof| holds(proof, &key)));
    assert!(proofs.iter().all(|proof| proof.checkpoint == proofs[0].checkpoint), "one tree");
    let read = house
        .find(EventsQuery { kind: Some("log-read".to_owned()), limit: Some(1), ..ask() })
        .await;
    assert!(
        read.events[0].sentence.ends_with("read a case file at Ward 3 for case 1")
            || read.events[0].sentence.ends_with("read a case file for case 1"),
        "{}",
        read.events[0].sentence
    );
}

fn holds(proof: &EventProof, key: &VerifierKey) -> bool {
    let hashes: Vec<[u8; 32]> =
        proof.proof.iter().map(|hash| hash.0[..].try_into().unwrap()).collect();
    let evidence = Evidence {
        index: proof.index,
        record: proof.record.as_deref().unwrap(),
        salt: proof.salt.as_ref().unwrap().0[..].try_into().unwrap(),
        proof: &hashes,
        checkpoint: &proof.checkpoint,
    };
    evidence.verify(std::slice::from_ref(key)).is_ok()
}

#[tokio::test]
async fn a_search_is_kept_run_shared_and_removed() {
    let house = House::open().await;
    let (_, token) = house.hospital.person(&house.administrator, "bob", Role::Auditor).await;
    let bob = house.hospital.stranger().with_token(token);
    let question = EventsQuery { kind: Some("user-created".to_owned()), ..ask() };
    let save = SaveSearch { name: "New people".to_owned(), shared: false, question };
    let own = house.auditor.save_search(&save).await.unwrap();
    assert_eq!(problem(house.auditor.save_search(&save).await), "search-name-taken");
    let found = house.auditor.run_search(own.id, &ask()).await.unwrap().events;
    assert_eq!(found.len(), 3);
    let page = house.auditor.run_search(own.id, &EventsQuery { limit: Some(2), ..ask() }).await;
    let page = page.unwrap();
    assert_eq!((page.events.len(), page.next), (2, Some(page.events[1].index)));
    assert_eq!(problem(bob.run_search(own.id, &ask()).await), "not-found");
    let shared = SaveSearch { shared: true, name: "For all".to_owned(), ..save };
    let shared = house.auditor.save_search(&shared).await.unwrap();
    bob.run_search(shared.id, &ask()).await.unwrap();
    let seen: Vec<_> = bob.searches().await.unwrap().searches;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].owner.as_deref(), Some("audrey"));
    assert_eq!(problem(bob.remove_search(shared.id).await), "not-found");
    house.auditor.remove_search(shared.id).await.unwrap();
    assert!(bob.searches().await.unwrap().searches.is_empty());
    for kind in ["search-saved", "search-deleted"] {
        assert!(!house.of_kind(kind).await.is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn notices_have_an_address_and_workstations_a_site() {
    let house = House::open().await;
    let administrator = &house.administrator;
    let mut new = user("rossi", Role::Staff);
    new.email = Some("rossi@hospital.example".parse().unwrap());
    let rossi = administrator.create_user(&new).await.unwrap();
    assert_eq!(rossi.email.as_ref().unwrap().expose(), "rossi@hospital.example");
    let none = imp_api::admin::ContactUser { email: None };
    assert_eq!(administrator.contact_user(rossi.id, &none).await.unwrap().email, None);
    let listed = administrator.workstations(None, 10).await.unwrap().workstations;
    let place = imp_api::admin::PlaceWorkstation {
        unit: Some("Surgery".to_owned()),
        site: Some("North".to_owned()),
    };
    let placed = administrator.place_workstation(listed[0].id, &place).await.unwrap();
    assert_eq!((placed.unit.as_deref(), placed.site.as_deref()), (Some("Surgery"), Some("North")));
    assert_eq!(house.of_kind("workstation-moved").await.len(), 1);
    let page =
        house.find(EventsQuery { kind: Some("user-contact-changed".to_owned()), ..ask() }).await;
    let record = serde_json::to_string(&page.events).unwrap();
    assert!(page.events.len() == 1 && !record.contains("rossi@"), "{record}");
}
