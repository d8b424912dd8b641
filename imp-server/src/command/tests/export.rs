//! `export_log`
use imp_events::Question;
use imp_events::export::{Format, Source};
use imp_identity::event::Reading;
use imp_identity::tap::Purpose;
use imp_identity::user::Role;
use imp_identity::{Actor, Event, EventId, Record};
use jiff::SignedDuration;
use serde_json::Value;
use uuid::Uuid;

use super::hospital::Hospital;
use super::{Ward, wards};
use crate::command::{AskError, ExportLog, LogExport, append_records, export_log};

fn source() -> Source {
    Source {
        trust_domain: "hospital.example".parse().unwrap(),
        host: "imp.hospital.example".to_owned(),
        site: None,
        version: "0.1.0".to_owned(),
    }
}

fn everything(format: Format) -> ExportLog {
    ExportLog { format, question: Question::everything(), after: None, names: false }
}

async fn export(hospital: &mut Hospital, order: ExportLog) -> Result<LogExport, AskError> {
    let auditor = Actor::Operator("olga".to_owned());
    export_log(&mut hospital.context(), &auditor, source(), order).await
}

/// The lines that are left.
async fn rest(export: &mut LogExport) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(piece) = export.next().await.unwrap() {
        let text = String::from_utf8(piece.lines).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "a piece ends with a line");
        lines.extend(text.lines().map(str::to_owned));
    }
    lines
}

fn indexes(lines: &[String]) -> Vec<u64> {
    let index =
        |line: &String| serde_json::from_str::<Value>(line).unwrap()["index"].as_u64().unwrap();
    lines.iter().map(index).collect()
}

/// More than two pieces of events that are nobody's presence.
async fn fill(hospital: &mut Hospital) {
    let at = hospital.now;
    let record = |version: u32| Record {
        id: EventId::from(Uuid::from_u128(u128::from(version))),
        at,
        actor: Actor::Server,
        event: Event::PolicyChanged { version },
    };
    append_records(&mut hospital.context(), (0..1100).map(record)).await.unwrap();
}

#[tokio::test]
async fn an_export_ends_where_the_log_ended_and_the_next_one_begins_there() {
    for Ward { mut hospital, .. } in wards().await {
        fill(&mut hospital).await;
        let size = hospital.place().await;
        let mut first = export(&mut hospital, everything(Format::Json)).await.unwrap();
        let began = first.next().await.unwrap().unwrap();
        // The log grows while somebody reads slowly.
        hospital.user("late", Role::Staff).await;
        let mut lines: Vec<_> =
            String::from_utf8(began.lines).unwrap().lines().map(str::to_owned).collect();
        lines.extend(rest(&mut first).await);
        assert_eq!(indexes(&lines), (0..size).collect::<Vec<_>>());
        assert_eq!(first.complete_after(), Some(size - 1));

        let order = ExportLog { after: first.complete_after(), ..everything(Format::Json) };
        let mut second = export(&mut hospital, order).await.unwrap();
        let lines = rest(&mut second).await;
        assert_eq!(indexes(&lines), [size, size + 1]);
        assert!(lines[0].contains(r#""type":"log-read""#), "that it was exported is an entry");
        let again = ExportLog { after: Some(u64::MAX >> 1), ..everything(Format::Json) };
        assert!(rest(&mut export(&mut hospital, again).await.unwrap()).await.is_empty());
    }
}

#[tokio::test]
async fn a_broken_export_goes_on_after_its_last_piece() {
    for Ward { mut hospital, .. } in wards().await {
        fill(&mut hospital).await;
        let size = hospital.place().await;
        let mut broken = export(&mut hospital, everything(Format::Json)).await.unwrap();
        let piece = broken.next().await.unwrap().unwrap();
        drop(broken);
        let mut lines: Vec<_> =
            String::from_utf8(piece.lines).unwrap().lines().map(str::to_owned).collect();
        assert!(lines.len() < usize::try_from(size).unwrap(), "it was broken off");
        let order = ExportLog { after: Some(piece.after), ..everything(Format::Json) };
        let mut continued = export(&mut hospital, order).await.unwrap();
        lines.extend(rest(&mut continued).await);
        let indexes = indexes(&lines);
        assert_eq!(indexes[..indexes.len() - 1], (0..size).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn only_what_is_asked_for_is_exported_and_people_are_named_only_if_that_is_asked_for() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let question =
            Question { kinds: vec!["user-created".parse().unwrap()], ..Question::everything() };
        for names in [false, true] {
            let order = ExportLog { question: question.clone(), names, ..everything(Format::Cef) };
            let lines = rest(&mut export(&mut hospital, order).await.unwrap()).await;
            assert!(lines.iter().all(|line| line.contains("|user-created|")));
            assert!(lines.iter().any(|line| line.contains(&nurse.user.id.to_string())));
            let named = lines.iter().any(|line| line.contains("duser=ada "));
            assert_eq!(named, names);
        }
    }
}

#[tokio::test]
async fn nobody_exports_when_people_were_at_work() {
    for Ward { mut hospital, desk, nurse, .. } in wards().await {
        hospital.tap(&nurse, &desk, Purpose::TapIn).await.unwrap();
        let day = SignedDuration::from_hours(24);
        let place = hospital.place().await;
        let taps = Question {
            kinds: vec!["tap-accepted".parse().unwrap()],
            from: Some(hospital.now - day * 30),
            until: Some(hospital.now + day),
            ..Question::everything()
        };
        let hers = Question { person: Some(nurse.user.id), ..Question::everything() };
        let hers = Question { from: taps.from, until: taps.until, ..hers };
        for question in [taps.clone(), hers] {
            for format in [Format::Csv, Format::Fhir, Format::Json] {
                let order = ExportLog { question: question.clone(), ..everything(format) };
                let refused = export(&mut hospital, order).await;
                assert!(matches!(refused, Err(AskError::Attendance(_))), "{format} {question:?}");
            }
        }
        // The whole log as a table can be sorted by person.
        let refused = export(&mut hospital, everything(Format::Csv)).await;
        assert!(matches!(refused, Err(AskError::Attendance(_))));
        assert_eq!(hospital.place().await, place, "what was refused was not read");
        let refusals = Question { kinds: vec!["tap-refused".parse().unwrap()], ..taps };
        let order = ExportLog { question: refusals, ..everything(Format::Csv) };
        export(&mut hospital, order).await.unwrap();
        let facts = hospital.facts_after(place).await;
        let [Event::LogRead { means: Reading::Export, .. }] = &facts[..] else {
            panic!("{facts:?}")
        };
    }
}
