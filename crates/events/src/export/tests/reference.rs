//! The table of `docs/reference/exports.md`: what each type becomes in each format.
use std::fmt::Write as _;
use std::path::Path;

use imp_identity::event::Actor;

use crate::catalogue::{EventType, catalogue};
use crate::export::fhir::profile;
use crate::export::names::Names;
use crate::export::view::View;
use crate::testing::samples;

const HEAD: &str = "# Exports, type by type

<!-- Generated from the catalogue (crates/events): IMP_WRITE_REFERENCE=1 with the tests of imp-events writes it. -->

What each [type of event](events.md) becomes in the [formats of export](../exports.md). The audit message's `EventID` and
`EventTypeCode` are `AuditEvent.type` and `subtype` in FHIR; the type's own name is a further subtype in both. The profile is
claimed where the event went over the HTTP interface and succeeded; `type` is `rest` then. The CEF signature id is the name.

| Event | Audit message, FHIR | FHIR: BALP profile | OCSF class, activity | CEF severity |
|---|---|---|---|---|
";

fn row(kind: &EventType) -> String {
    let audit = kind.export.audit;
    let subtype = audit.kind.map_or_else(String::new, |code| format!(" / {}", code.meaning));
    let ocsf = kind.export.ocsf;
    let profile = balp(kind.name).map_or("–", |url| url.rsplit('/').next().unwrap_or(url));
    format!(
        "| [`{0}`](events.md#{0}) | {1}{subtype}, {2} | {profile} | {3} {4}, {5} | {6} |",
        kind.name,
        audit.event.meaning,
        audit.action.code(),
        ocsf.class,
        class(ocsf.class),
        ocsf.activity,
        kind.export.severity.cef(),
    )
}

/// The profile that the type claims when a person or a machine caused it.
fn balp(name: &str) -> Option<&'static str> {
    let source = super::source();
    let names = Names::default();
    samples().into_iter().filter(|entry| entry.record.event.name() == name).find_map(|mut entry| {
        entry.record.actor = Actor::User(imp_identity::UserId::from(uuid::Uuid::from_u128(1)));
        profile(&View::new(&entry, &source, &names))
    })
}

fn class(class: u16) -> &'static str {
    match class {
        2004 => "Detection Finding",
        2005 => "Incident Finding",
        3001 => "Account Change",
        3002 => "Authentication",
        3004 => "Entity Management",
        3005 => "User Access Management",
        4001 => "Network Activity",
        6002 => "Application Lifecycle",
        6005 => "Datastore Activity",
        _ => panic!("class {class} has no name here"),
    }
}

fn reference() -> String {
    let mut text = HEAD.to_owned();
    for kind in catalogue() {
        writeln!(text, "{}", row(kind)).unwrap();
    }
    text
}

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/exports.md");
    if std::env::var_os("IMP_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, reference(), "run this test with IMP_WRITE_REFERENCE=1");
}
