//! Exports over HTTP.
use imp_api::Client;
use imp_api::export::ExportQuery;
use imp_identity::user::Role;

use crate::hospital::{Hospital, problem};

async fn lines(client: &Client, query: &ExportQuery) -> (Vec<String>, Option<u64>) {
    let mut export = client.export(query).await.unwrap();
    let mut text = Vec::new();
    while let Some(chunk) = export.next().await.unwrap() {
        text.extend(chunk);
    }
    let text = String::from_utf8(text).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    (text.lines().map(str::to_owned).collect(), export.after)
}

fn query(format: &str) -> ExportQuery {
    ExportQuery { format: format.to_owned(), ..ExportQuery::default() }
}

#[tokio::test]
async fn an_auditor_exports_the_log_and_goes_on_where_it_ended() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (_, token) = hospital.person(&administrator, "olga", Role::Auditor).await;
    let auditor = hospital.stranger().with_token(token);
    for (format, begins, holds) in [
        ("fhir", "{\"", "\"resourceType\":\"AuditEvent\""),
        ("atna", "<8", "AuditMessage"),
        ("ocsf", "{\"", "\"activity_id\":"),
        ("cef", "CEF:0|IMP|", "|"),
        ("json", "{\"", "\"actor\":"),
    ] {
        let (first, after) = lines(&auditor, &query(format)).await;
        let fits = |line: &&String| line.starts_with(begins) && line.contains(holds);
        assert_eq!(first.iter().filter(fits).count(), first.len(), "{format}: {}", first[0]);
        let next = ExportQuery { after, ..query(format) };
        let (second, _) = lines(&auditor, &next).await;
        assert_eq!(second.len(), 1, "{format}: only that it was exported is new");
        assert!(second[0].contains("log-read"), "{format}");
    }
    let table = ExportQuery { kind: Some("user-created".to_owned()), ..query("csv") };
    let (rows, _) = lines(&auditor, &table).await;
    assert!(rows[0].starts_with("index,event_id,"));
    assert_eq!(rows.len(), 3, "ada and olga");
    let named = ExportQuery { names: Some(true), ..table };
    let (rows, _) = lines(&auditor, &named).await;
    assert!(rows.iter().any(|row| row.contains("olga")));
}

#[tokio::test]
async fn an_export_is_for_auditors_and_never_of_attendance() {
    let hospital = Hospital::open().await;
    let administrator = hospital.first_administrator().await;
    let (olga, token) = hospital.person(&administrator, "olga", Role::Auditor).await;
    let auditor = hospital.stranger().with_token(token);
    assert_eq!(problem(administrator.export(&query("json")).await), "role-insufficient");
    assert_eq!(problem(hospital.stranger().export(&query("json")).await), "sign-in-required");
    assert_eq!(problem(auditor.export(&query("pdf")).await), "query-invalid");
    assert_eq!(problem(auditor.export(&query("csv")).await), "attendance-refused");
    let hers = ExportQuery {
        person: Some(olga.to_string()),
        from: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        until: Some("2026-03-01T00:00:00Z".parse().unwrap()),
        ..query("fhir")
    };
    assert_eq!(problem(auditor.export(&hers).await), "attendance-refused");
}
