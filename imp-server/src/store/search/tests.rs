use std::fmt::Write as _;

use imp_events::{Entry, Kind, Question};
use imp_identity::event::Outcome;
use imp_identity::refusal::Refusal;
use imp_identity::session::End;
use imp_identity::{Actor, Event, EventId, Record, SessionId, TapId, UserId, WorkstationId};
use imp_storage::{Kind as Database, Storage, Transaction, on, testing};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use uuid::Uuid;

use super::sql::{self, Column};
use super::{Direction, REACH, Way};
use crate::store::{MIGRATIONS, NewEntry, Tables as _};

const START: Timestamp = Timestamp::constant(1_700_000_000, 0);
const ENTRIES: u64 = 400;

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// Few people at few workstations; several things in one second, and hours without anything.
fn record(place: u64, at: Timestamp, rng: &mut StdRng) -> Record {
    let user = UserId::from(uuid(rng.random_range(1..5)));
    let workstation = WorkstationId::from(uuid(rng.random_range(10..13)));
    let session = SessionId::from(uuid(20));
    let event = match rng.random_range(0..8) {
        0 => Event::UserDisabled { user },
        1 => Event::SessionSuspended { session, user, workstation },
        2 => Event::SessionRevoked { session, user, workstation, reason: End::TapOut },
        3 => Event::PolicyChanged { version: 3 },
        4 | 5 => Event::TapRefused {
            tap: TapId::from(uuid(30)),
            workstation,
            phone: Some(uuid(rng.random_range(40..43)).into()),
            user: None,
            purpose: None,
            reason: Refusal::ClockSkew,
        },
        _ => Event::SessionResumed { session, user, workstation },
    };
    let actor = match rng.random_range(0..3) {
        0 => Actor::User(uuid(rng.random_range(1..5)).into()),
        1 => Actor::Workstation(workstation),
        _ => Actor::Server,
    };
    Record { id: EventId::from(uuid(1000 + u128::from(place))), at, actor, event }
}

async fn add(transaction: &mut Transaction, index: u64, record: &Record) {
    let text = serde_json::to_string(record).unwrap();
    let new = NewEntry { index, record, text: &text, salt: &[1; 32], commitment: &[2; 32] };
    transaction.entries().add(&new).await.unwrap();
}

/// The same log in each database.
async fn logs() -> (Vec<Storage>, Vec<Entry>) {
    let storages = testing::both(&MIGRATIONS).await;
    let rng = &mut StdRng::seed_from_u64(5);
    let mut at = START;
    let mut entries = vec![];
    for index in 0..ENTRIES {
        at += SignedDuration::from_secs(if rng.random_bool(0.5) {
            0
        } else {
            rng.random_range(1..9000)
        });
        entries.push(Entry { index, record: record(index, at, rng) });
    }
    for storage in &storages {
        let mut transaction = storage.begin().await.unwrap();
        for entry in &entries {
            add(&mut transaction, entry.index, &entry.record).await;
        }
        transaction.commit().await.unwrap();
    }
    (storages, entries)
}

fn question(entries: &[Entry], rng: &mut StdRng) -> Question {
    let instant = |rng: &mut StdRng| entries[rng.random_range(0..entries.len())].record.at;
    let kinds =
        ["user-disabled", "session-revoked", "tap-refused", "policy-changed", "user-created"];
    let mut question = Question {
        person: rng.random_bool(0.4).then(|| uuid(rng.random_range(1..6)).into()),
        workstation: rng.random_bool(0.4).then(|| uuid(rng.random_range(10..14)).into()),
        device: rng.random_bool(0.2).then(|| uuid(rng.random_range(40..44))),
        outcome: rng.random_bool(0.2).then_some(Outcome::Refused),
        from: rng.random_bool(0.3).then(|| instant(rng)),
        ..Question::default()
    };
    if rng.random_bool(0.3) {
        let until = instant(rng);
        question.until = question.from.is_none_or(|from| from < until).then_some(until);
    }
    for kind in kinds {
        if rng.random_bool(0.2) {
            question.kinds.push(kind.parse().unwrap());
        }
    }
    question
}

/// Every page until the last, checked: in order, none larger than asked.
async fn read(
    transaction: &mut Transaction,
    question: &Question,
    mut direction: Direction,
    reach: i64,
) -> Vec<u64> {
    let mut indexes = vec![];
    loop {
        let way = Way { direction, reach };
        let found = transaction.search().page_within(question, way, 7).await.unwrap();
        assert!(found.entries.len() <= 7);
        indexes.extend(found.entries.iter().map(|entry| entry.index));
        let Some(next) = found.next else { return indexes };
        let on = direction.from(next);
        assert_ne!(on, direction, "a page must lead on");
        direction = on;
    }
}

#[tokio::test]
async fn every_question_is_answered_with_exactly_what_matches_in_both_directions() {
    let (storages, entries) = logs().await;
    for storage in storages {
        let rng = &mut StdRng::seed_from_u64(11);
        let mut transaction = storage.read().await.unwrap();
        for round in 0..150 {
            let question = question(&entries, rng);
            let matching = entries.iter().filter(|entry| question.matches(entry));
            let mut expected: Vec<u64> = matching.map(|entry| entry.index).collect();
            // With little reach, pages end early and go on.
            let reach = if round % 2 == 0 { i64::from(REACH) } else { 9 };
            let oldest = Direction::Oldest { after: None };
            let found = read(&mut transaction, &question, oldest, reach).await;
            assert_eq!(found, expected, "{question:?}");
            expected.reverse();
            let newest = Direction::Newest { before: None };
            let found = read(&mut transaction, &question, newest, reach).await;
            assert_eq!(found, expected, "{question:?}");
        }
    }
}

#[tokio::test]
async fn what_is_appended_while_somebody_pages_is_neither_lost_nor_doubled() {
    let (storages, entries) = logs().await;
    for storage in storages {
        let rng = &mut StdRng::seed_from_u64(13);
        let person = UserId::from(uuid(2));
        let question = Question { person: Some(person), ..Question::default() };
        let (mut newest, mut oldest) = (vec![], vec![]);
        let mut back = Direction::Newest { before: None };
        let mut on = Direction::Oldest { after: None };
        let mut appended = entries.clone();
        let mut turns = 0;
        loop {
            let mut reader = storage.read().await.unwrap();
            let page = reader.search().page(&question, back, 20).await.unwrap();
            newest.extend(page.entries.iter().map(|entry| entry.index));
            let other = reader.search().page(&question, on, 20).await.unwrap();
            oldest.extend(other.entries.iter().map(|entry| entry.index));
            drop(reader);
            if let Some(last) = oldest.last() {
                on = Direction::Oldest { after: Some(*last) };
            }
            let mut writer = storage.begin().await.unwrap();
            for _ in 0..if turns < 6 { 5 } else { 0 } {
                let index = appended.len() as u64;
                let record = record(index, appended.last().unwrap().record.at, rng);
                add(&mut writer, index, &record).await;
                appended.push(Entry { index, record });
            }
            writer.commit().await.unwrap();
            turns += 1;
            match page.next {
                Some(next) => back = Direction::Newest { before: Some(next) },
                None if other.next.is_none() && turns > 6 => break,
                None => back = Direction::Newest { before: Some(0) },
            }
        }
        let at_first: Vec<u64> =
            entries.iter().filter(|e| question.matches(e)).map(|e| e.index).collect();
        newest.reverse();
        assert_eq!(newest, at_first, "newest first: what was there when it began");
        let in_the_end: Vec<u64> =
            appended.iter().filter(|e| question.matches(e)).map(|e| e.index).collect();
        assert_eq!(oldest, in_the_end, "oldest first: what came meanwhile too");
    }
}

#[tokio::test]
async fn one_index_drives_each_walk_on_both_databases() {
    const COLUMNS: [(Column, &str); 6] = [
        (Column::User, "entries_by_user"),
        (Column::Actor, "entries_by_actor"),
        (Column::Workstation, "entries_by_workstation"),
        (Column::Device, "entries_by_device"),
        (Column::Kind, "entries_by_kind"),
        (Column::Outcome, "entries_by_outcome"),
    ];
    let (storages, _) = logs().await;
    for storage in storages {
        let mut transaction = storage.begin().await.unwrap();
        if storage.kind() == Database::Postgres {
            // 400 rows fit into a few pages: without this, reading them all is cheaper than any index.
            const OFF: &str = "SET LOCAL enable_seqscan = off";
            on!(&mut transaction, |conn| sqlx::query(OFF).execute(conn).await.map(drop)).unwrap();
        }
        for (column, name) in COLUMNS {
            for newest in [true, false] {
                let texts =
                    [sql::count(column), sql::reach(column, newest), sql::rows(column, newest)];
                for text in texts {
                    let plan = explain(&mut transaction, storage.kind(), text, column).await;
                    assert!(plan.contains(name), "{column:?}: {text}\n{plan}");
                    assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN entries"), "{plan}");
                    assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "{plan}");
                }
            }
        }
    }
}

/// What the database would do.
async fn explain(
    transaction: &mut Transaction,
    database: Database,
    text: &str,
    column: Column,
) -> String {
    let explain = match database {
        Database::Sqlite => "EXPLAIN QUERY PLAN",
        Database::Postgres => "EXPLAIN",
    };
    let mut literal = text.to_owned();
    let value = match (column, database) {
        (Column::Kind | Column::Outcome, _) => "'tap-refused'",
        (_, Database::Sqlite) => "x'00000000000000000000000000000002'",
        (_, Database::Postgres) => "'00000000-0000-0000-0000-000000000002'",
    };
    let last = if text.contains("$9") { 9 } else { 4 };
    for parameter in (1..=last).rev() {
        let instead = match parameter {
            1 => "0",
            2 => "400",
            8 => "100",
            3 if last == 4 => "100",
            p if p == last => value,
            _ => "NULL",
        };
        literal = literal.replace(&format!("${parameter}"), instead);
    }
    let sql = format!("{explain} {literal}");
    let mut plan = String::new();
    match database {
        Database::Sqlite => {
            let rows: Vec<(i64, i64, i64, String)> =
                on!(transaction, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
                    .fetch_all(conn)
                    .await
                    .unwrap());
            for row in rows {
                writeln!(plan, "{}", row.3).unwrap();
            }
        }
        Database::Postgres => {
            let rows: Vec<(String,)> =
                on!(transaction, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
                    .fetch_all(conn)
                    .await
                    .unwrap());
            for row in rows {
                writeln!(plan, "{}", row.0).unwrap();
            }
        }
    }
    plan
}

#[tokio::test]
async fn questions_about_many_types_are_answered_too() {
    let (storages, entries) = logs().await;
    let names = [
        "user-disabled",
        "session-suspended",
        "session-revoked",
        "policy-changed",
        "tap-refused",
        "user-created",
        "user-enabled",
        "phone-bound",
        "phone-revoked",
        "workstation-invited",
    ];
    let kinds: Vec<Kind> = names.iter().map(|name| name.parse().unwrap()).collect();
    let question = Question { kinds, ..Question::default() };
    let matching = entries.iter().filter(|entry| question.matches(entry));
    let expected: Vec<u64> = matching.map(|entry| entry.index).collect();
    for storage in storages {
        let mut transaction = storage.read().await.unwrap();
        for reach in [i64::from(REACH), 25] {
            let oldest = Direction::Oldest { after: None };
            assert_eq!(read(&mut transaction, &question, oldest, reach).await, expected);
        }
    }
}
